"""What is shown of graphs, questions and trainings, as records without markup: a page, a report or a terminal may print them."""
