"""What conversions media needs to satisfy a contract, and what an operation will make, without running any."""
