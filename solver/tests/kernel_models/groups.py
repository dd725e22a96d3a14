"""Every case, in groups."""

from .case import Case
from .element_types import TYPES
from .functions import FUNCTIONS
from .options import OPTIONS
from .shapes import SHAPES
from .structure import STRUCTURE

GROUPS: dict[str, dict[str, Case]] = {
    **FUNCTIONS,
    "structure": STRUCTURE,
    "shapes": SHAPES,
    "types": TYPES,
    "options": OPTIONS,
}
