"""The report of the fixed networks as text."""

from .turns import PEERS


def spread(figure: dict, scale: float = 1.0) -> str:
    digits = 2 if figure["median"] * scale < 10 else 1
    return "{:.{d}f} ({:.{d}f} to {:.{d}f})".format(
        *(figure[key] * scale for key in ["median", "min", "max"]), d=digits)


def tables(report: dict) -> list:
    """(header, rows) of each table. The ratio is to the fastest of the other programs."""
    def ratio(rows, row, key):
        others = [other[key]["median"] for other in rows if other["peer"] != "autoencode"]
        return f"{row[key]['median'] / min(others):.2f}" if others else "-"

    memory = lambda row: f"{row['peak_memory_mb']:.0f} MB" if row["peak_memory_mb"] else "-"
    training = []
    for row in report["training"]:
        same = [other for other in report["training"] if other["network"] == row["network"]]
        training.append([f"{row['network']}, batch {row['batch_size']}", PEERS[row["peer"]].title,
                         spread(row["ms_per_step"]), ratio(same, row, "ms_per_step"), memory(row)])
    inference = [[f"{row['images']:,} digits, batch {row['batch_size'] or '-'}", PEERS[row["peer"]].title,
                  spread(row["seconds"]), ratio(report["inference"], row, "seconds"), memory(row)]
                 for row in report["inference"]]
    cold = [["one digit, PNG to PNG", PEERS[row["peer"]].title, f"{row['seconds']['min'] * 1e3:.0f}"]
            for row in report["cold_start"]]
    last = ["ratio to the best peer", "peak memory"]
    return [(header, rows) for header, rows in [
        (["network", "mode", "ms a step", *last], training),
        (["inference", "mode", "seconds", *last], inference),
        (["cold start", "mode", f"ms, best of {report['cold_starts']}"], cold),
    ] if rows]


def aligned(header: list, rows: list, markdown: bool) -> list:
    """The lines of a table."""
    if markdown:
        return [f"| {' | '.join(cells)} |" for cells in [header, ["---"] * len(header), *rows]]
    widths = [max(map(len, column)) for column in zip(header, *rows)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(cells, widths)).rstrip() for cells in [header, *rows]]


def heading(report: dict) -> str:
    return (f"{report['date']}, {report['cpu']}, {report['threads']} threads, {report['rounds']} rounds, "
            f"load {report['load_before']} before; " + ", ".join(report["versions"]))


def render(report: dict, markdown: bool) -> str:
    text = [heading(report)]
    for header, rows in tables(report):
        text += ["", *aligned(header, rows, markdown)]
    if report["skipped"]:
        text += ["", *(f"skipped: {name}: {why}" for name, why in report["skipped"].items())]
    return "\n".join(text)
