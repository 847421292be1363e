"""`python -m pipeline.cli`, the same as `returnline`."""

from console.cli import main

if __name__ == "__main__":
    main(prog_name="returnline")
