"""What a scrape says, as Prometheus's own parser reads it."""

from prometheus_client.parser import text_string_to_metric_families


def read(text):
    """Return the value of each sample by name and labels: a dict of `name{label="value",...}`, labels sorted."""
    return {
        # The parser lets every counter end in `_total`.
        _shown(sample.name if sample.name in text else sample.name.removesuffix("_total"), sample.labels): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def _shown(name, labels):
    inner = ",".join(f'{label}="{value}"' for label, value in sorted(labels.items()))
    return f"{name}{{{inner}}}" if inner else name
