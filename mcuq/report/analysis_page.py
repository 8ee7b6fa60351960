"""An analysis as one HTML page that needs no other file."""

from __future__ import annotations

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from mcuq import resources
from mcuq.artifacts import Analysis
from mcuq.report.analysis import conclusion_of, macs_text
from mcuq.report.analysis_charts import (
    HISTOGRAM_HEIGHT,
    HISTOGRAM_WIDTH,
    PLOT_SIZE,
    histogram_chart,
    reliability_line,
    robustness_charts,
    sensitivity_bars,
)
from mcuq.report.evaluation_tables import decibel_text, disagreements_text, drop_text
from mcuq.report.figures import bytes_text, count_text, percent_text, printable

TEMPLATE = "report.html.j2"


def analysis_page(analysis: Analysis) -> str:
    """The page: figures, sensitivity, every layer with its histograms, reliability, robustness, fixes."""
    environment = Environment(
        loader=FileSystemLoader(resources.templates()),
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(
        bytes=bytes_text, count=count_text, percent=percent_text, decibel=decibel_text, name=printable, macs=macs_text
    )
    c = analysis.comparison
    return environment.get_template(TEMPLATE).render(
        a=analysis,
        conclusion=conclusion_of(analysis),
        drop_text=drop_text,
        disagreements_text=disagreements_text,
        histogram=histogram_chart,
        sensitivity=sensitivity_bars(analysis),
        reliability=[
            (name, reliability_line(model.reliability), css)
            for name, model, css in (("quantized", c.model, "own"), ("float", c.reference, "other"))
            if model.reliability is not None
        ],
        robustness=robustness_charts(analysis.robustness, (c.model.accuracy, c.reference.accuracy)),
        width=HISTOGRAM_WIDTH,
        height=HISTOGRAM_HEIGHT,
        size=PLOT_SIZE,
    )
