"""The recipe of a training in small."""

from converter.recipes import Recipe

RECIPE = Recipe(
    network="tiny",
    epochs=3,
    batch_size=16,
    optimizer="muon",
    learning_rate=0.05,
    warmup_epochs=1,
    weight_decay=1e-3,
    ema=0.5,
    seed=1,
    votes_head=0.5,
    mixup=0.2,
)
