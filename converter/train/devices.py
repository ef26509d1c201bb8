"""The processors that a training uses."""

import keras


def use_every_device() -> None:
    """Share each batch among all accelerators, where Keras finds several."""
    if keras.backend.backend() == "torch":  # Keras has no distribution for it
        return
    devices = keras.distribution.list_devices()
    if len(devices) > 1:
        keras.distribution.set_distribution(
            keras.distribution.DataParallel(devices=devices, auto_shard_dataset=False)
        )
