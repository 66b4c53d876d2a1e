"""What a cycle of self-training is measured by: how varied its questions are, how true its graphs, whether another is worth it. Pure."""

from workers.self_training.measures import count_graphs, diversity_of, find_alarms, plateau, score_graphs

__all__ = ["count_graphs", "diversity_of", "find_alarms", "plateau", "score_graphs"]
