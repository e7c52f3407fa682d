"""What a code is worth: errors, code statistics, retrieval, pictures."""

from zoo.evaluation.evaluate import Evaluation, evaluate

__all__ = ["Evaluation", "evaluate"]
