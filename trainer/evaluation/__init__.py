"""How good a model is: questions it was not trained on, asked as in training and as whoever uses it will ask."""
