"""All recipes, in the order in which they are reported."""

from conformance.clients.libraries import LIBRARIES
from conformance.clients.programs import PROGRAMS

RECIPES = {recipe.name: recipe for recipe in (*PROGRAMS, *LIBRARIES)}
