"""What two consumers or more decide in the same way. Knows none of them."""
