"""What stands on a figure, and whether all of it does: for tests of every kind of figure."""

from sparserl.report.figures.house import house_style


def panels(drawn):
    """The panels by their titles."""
    return {axes.get_title(loc="left").replace("\n", " "): axes for axes in drawn.figure.axes}


def line(axes, label):
    """x and y of the line with this label."""
    [found] = [each for each in axes.get_lines() if each.get_label() == label]
    return list(found.get_xdata()), list(found.get_ydata())


def words(drawn):
    """All that is written under the panels."""
    return drawn.figure.texts[1].get_text().replace("\n", " ")


def left_of_canvas(drawn):
    """The texts that do not lie on the canvas as a whole; legend entries, titles, labels and notes are among them."""
    figure = drawn.figure
    with house_style():
        figure.draw_without_rendering()
    legends = [text for legend in figure.legends for text in legend.get_texts()]
    of_axes = [
        text
        for axes in figure.axes
        for text in (axes._left_title, axes.xaxis.label, axes.yaxis.label, *_tick_labels(axes), *axes.texts)
    ]
    written = [text for text in (*figure.texts, *legends, *of_axes) if text.get_text() and text.get_visible()]
    boxes = {text.get_text(): text.get_window_extent() for text in written}
    canvas = figure.bbox.padded(1)
    return [text for text, box in boxes.items() if not (canvas.contains(*box.min) and canvas.contains(*box.max))]


def _tick_labels(axes):
    """Those that are drawn: a locator may give places beyond the axis."""
    low, high = sorted(axes.get_ylim())
    return [tick.label1 for tick in axes.yaxis.get_major_ticks() if low <= tick.get_loc() <= high]


def overlapping(drawn):
    """Pairs of title, legend, notes and panels that lie on each other."""
    figure = drawn.figure
    boxes = {"title": figure.texts[0].get_window_extent(), "notes": figure.texts[1].get_window_extent()}
    boxes |= {f"legend {i}": legend.get_window_extent() for i, legend in enumerate(figure.legends)}
    boxes |= {f"panel {i}": axes.get_tightbbox() for i, axes in enumerate(figure.axes)}
    names = [name for name in boxes if boxes[name].width > 1]
    return [
        (a, b) for i, a in enumerate(names) for b in names[i + 1 :] if boxes[a].padded(-2).overlaps(boxes[b].padded(-2))
    ]
