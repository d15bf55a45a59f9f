"""`preprocess` and `decode` of the builders: from images to inputs, from scores to names.

Their imports are inside the functions, since `kerascnn list` reads the tables without them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kerascnn.errors import MismatchError
from kerascnn.imaging.preprocessing import Preprocessing
from kerascnn.lazy import np

if TYPE_CHECKING:
    import numpy as np

    from kerascnn.published.record import Published


class ImagesAndClasses:
    """The methods of a record that need its preprocessing and published weights."""

    name: str
    input_shape: tuple[int, int, int]
    preprocessing: Preprocessing

    @property
    def weights(self) -> tuple[str, ...]:
        """Tags of the published weights, the default first."""
        from kerascnn.published.catalogue import checkpoints

        return tuple(checkpoint.tag for checkpoint in checkpoints(self.name))

    def preprocess(self, images: Any, weights: str | None = "imagenet") -> np.ndarray:
        """Returns the input of this architecture, at its own size, for images.

        A model's own `preprocess` knows its size and weights; this one is for the paper's size.

        Args:
            images: (N, H, W, C) or (H, W, C) of any size with values from 0 to 255, uint8 or float
                (floats from 0 to 1 too); a path, encoded bytes or a Pillow image; a list of these;
                or a folder.
            weights: the weights that take the input: "imagenet" for the default among the
                published ones, if there are any; a tag of others; None for newly initialised
                ones, which `kerascnn.train` gives images of the architecture's `preprocessing`.

        Returns:
            float32, (N, height, width, channels); N is 1 for one image.

        Raises:
            MismatchError: the channels cannot be converted, or the weights are of another
                architecture.
            UsageError: no published weights have this tag.
            DataError, DamagedFileError: as `kerascnn.predict`.
        """
        from kerascnn.models.prepare_images import inputs_for

        record = self._published(weights)
        base = self.preprocessing if record is None else record.preprocessing
        shape = self.input_shape
        return inputs_for(
            images, shape[2], lambda data_shape: Preprocessing.for_data(data_shape, shape, base)
        )

    def decode(
        self, predictions: Any, top: int = 5, weights: str | None = "imagenet"
    ) -> list[list[tuple[str, float]]]:
        """Returns the names and scores of the best classes of every image.

        A model's own `decode` knows the classes of its weights.

        Args:
            predictions: (N, classes), of a model of this architecture.
            top: number of classes for each image, 1 or more; at most all are returned.
            weights: the weights that made the predictions, as in `preprocess`.

        Returns:
            For each image `top` pairs (name, score), the highest score first. The names are those
            of the classes of the weights; the class numbers if the weights have no names or the
            predictions are of another number of classes.

        Raises:
            MismatchError: the predictions are not (N, classes), or the weights are of another
                architecture.
            UsageError: `top` is not a whole number from 1, or no published weights have this tag.
        """
        from kerascnn.models.decode_predictions import class_numbers, decode_predictions

        record = self._published(weights)
        table = np.asarray(predictions)
        classes = table.shape[-1] if table.ndim else 0
        names = None if record is None else record.class_names
        if names is None or len(names) != classes:
            names = class_numbers(classes)
        return decode_predictions(table, names, top)

    def _published(self, weights: str | None) -> Published | None:
        """Returns the record of published weights; None for none, or for a default that is not."""
        from kerascnn.published.catalogue import DEFAULT, published

        if weights is None or (weights == DEFAULT and not self.weights):
            return None
        record = published(weights, self.name)
        if record.row != self.name:
            raise MismatchError(
                f"{weights} is of {record.row}, and this is {self.name}; its own weights are: "
                f"{', '.join(self.weights) or 'none are published'}"
            )
        return record
