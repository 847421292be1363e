"""What the doctor examines before anything is posted."""
