"""The people's side: what a person starts. Imports the motion; nothing imports it."""
