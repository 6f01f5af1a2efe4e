"""The table of docs/lessons.md: every part of every lesson, its minutes, and what a class says wrong."""

from dashboard.model import lessons


def parts() -> list[str]:
    """One line per part."""
    lines = ["| lesson | part | minutes | asked | in class |", "|---|---|---|---|---|"]
    for lesson in lessons.every():
        for number, step in enumerate(lesson.steps, 1):
            asked = step.challenge.ask if step.challenge else step.ask or step.do
            name = f"**{lesson.title}** ({lesson.minutes} min)" if number == 1 else ""
            cells = (name, str(number), str(step.minutes), asked, step.notes)
            lines.append(f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |")
    return lines


TABLES = {"lessons": parts}
