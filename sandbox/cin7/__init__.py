"""The practice Cin7 Core over HTTP."""
