"""What is done to vectors after the model: centring, projection, fewer dimensions, quantisation."""
