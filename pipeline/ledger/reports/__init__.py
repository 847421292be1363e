"""What people read: figures, month end, payouts, stories."""
