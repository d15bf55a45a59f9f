"""Loads files of `model.save` in a process that has imported nothing but Keras and this package.

    python load_saved_models.py FOLDER STATEMENT…

Runs the statements, which import Keras and the package in some order, prints the names that the
package has registered by then, and saves the scores of every FOLDER/NAME.keras for the images of
FOLDER/NAME.npy as FOLDER/NAME.scores.npy.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path


def main() -> None:
    folder, statements = Path(sys.argv[1]), sys.argv[2:]
    for statement in statements:
        exec(statement, {})
    import keras
    import numpy as np

    names = keras.saving.get_custom_objects()
    print(json.dumps(sorted(name for name in names if name.startswith("kerascnn>"))))
    for path in sorted(folder.glob("*.keras")):
        images = np.load(path.with_suffix(".npy"))
        model = keras.models.load_model(path)
        np.save(path.with_suffix(".scores.npy"), np.asarray(model(images, training=False)))
        keras.utils.clear_session()


if __name__ == "__main__":
    main()
