"""A profile as one HTML page that needs no other file."""

from __future__ import annotations

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from mcuq import resources
from mcuq.artifacts import Profile
from mcuq.report.figures import count_text, milliseconds_text, percent_text, printable
from mcuq.report.profile_charts import PLOT_HEIGHT, PLOT_WIDTH, arena_chart, bars, roofline
from mcuq.report.profile_tables import error_text, per_mac_text

TEMPLATE = "profile.html.j2"


def profile_page(profile: Profile) -> str:
    """The page: figures, bars of the steps, the arena over time, the roofline, functions, hot blocks."""
    environment = Environment(
        loader=FileSystemLoader(resources.templates()),
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(
        count=count_text, percent=percent_text, milliseconds=milliseconds_text, error=error_text, name=printable
    )
    graph = profile.build.schedule.graph
    locations = {location.value: location.buffer for location in profile.build.schedule.locations}
    return environment.get_template(TEMPLATE).render(
        p=profile,
        bars=bars(profile),
        arena=arena_chart(
            profile.build.plan,
            [locations.get(name, name) for name in graph.inputs],
            [locations.get(name, name) for name in graph.outputs],
        ),
        roofline=roofline(profile) if profile.macs else None,
        per_mac=per_mac_text,
        width=PLOT_WIDTH,
        height=PLOT_HEIGHT,
    )
