"""What is wrong with what the user gave, in the user's terms; it imports nothing of ours."""
