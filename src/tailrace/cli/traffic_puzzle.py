"""The puzzle game of the demo: levels, boosters, coins."""

from tailrace.cli.traffic_catalogue import AWKWARD, COIN_PACKS
from tailrace.cli.traffic_stories import Aside, Step, Story, Visit, asides, open_app, track, view


def puzzle(visit: Visit) -> Story:
    """Tutorial once, then level after level."""
    yield from open_app(visit)
    if visit.newcomer:
        yield from _tutorial(visit, ("welcome", "first_swap", "first_match", "first_booster"))
    yield from asides(visit, ((0.35, _daily_reward),))
    while True:
        yield from _level(visit)
        yield from asides(visit, _BETWEEN_LEVELS)


def _tutorial(visit: Visit, names: tuple[str, ...]) -> Story:
    for number, name in enumerate(names, 1):
        yield track("tutorial_step", step=number, name=name, skipped=visit.dice.chance(0.1))
    yield track("tutorial_complete", steps=len(names))


def _daily_reward(visit: Visit) -> Story:
    yield track("daily_reward", streak=visit.dice.between(1, 30), reward={"coins": visit.dice.between(1, 9) * 10})


def _level(visit: Visit) -> Story:
    dice, level = visit.dice, visit.person.level
    goals = [
        {"color": dice.pick(("red", "green", "violet")), "count": dice.between(8, 40)} for _ in range(1 + level % 3)
    ]
    yield track("level_start", level=level, board={"rows": 8, "columns": 6 + level % 4, "goals": goals})
    for move in range(dice.between(1, 6)):
        yield track("move_made", level=level, move=move + 1, matched=dice.between(3, 6), chain=dice.chance(0.2))
    yield from asides(visit, ((0.25, _booster),))
    yield _won(visit) if dice.chance(0.68) else _lost(visit)


def _booster(visit: Visit) -> Story:
    yield track(
        "booster_used",
        booster=visit.dice.favour(("hammer", "shuffle", "rainbow", "extra_moves")),
        left=visit.dice.between(0, 9),
    )


def _won(visit: Visit) -> Step:
    dice, level = visit.dice, visit.person.level
    visit.person.level += 1
    stars = dice.between(1, 3)
    return track(
        "level_complete", level=level, score=dice.between(900, 99_000), stars=stars, duration_s=dice.amount(18, 240, 3)
    )


def _lost(visit: Visit) -> Step:
    dice = visit.dice
    return track(
        "level_fail",
        level=visit.person.level,
        reason=dice.favour(("no_moves", "time", "quit")),
        progress=dice.amount(0, 1, 4),
    )


def _ad(visit: Visit) -> Story:
    dice = visit.dice
    yield track(
        "ad_watched", placement="after_level", completed=dice.chance(0.8), revenue_usd=dice.amount(0.001, 0.03, 6)
    )


def _coin_shop(visit: Visit) -> Story:
    sku, coins, price = visit.dice.favour(COIN_PACKS)
    yield view(visit, "coins")
    yield track("shop_open", balance=visit.dice.between(0, 2500), offers=[row[0] for row in COIN_PACKS])
    if visit.dice.chance(0.12):
        yield track("purchase", sku=sku, coins=coins, quantity=1, **visit.pay(price))
    elif visit.dice.chance(0.06):
        yield track("purchase_failed", sku=sku, error='card declined: "insufficient funds"', code=51)


def _team_chat(visit: Visit) -> Story:
    yield track("team_message", text=visit.dice.pick(AWKWARD), members=visit.dice.between(2, 30))


def _settings(visit: Visit) -> Story:
    yield view(visit, "settings")
    yield track("settings_changed", sound=visit.dice.chance(0.5), volume=visit.dice.amount(0, 1), theme="system")


_BETWEEN_LEVELS: tuple[Aside, ...] = ((0.3, _ad), (0.1, _coin_shop), (0.05, _team_chat), (0.02, _settings))
