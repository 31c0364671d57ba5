"""The fitness app of the demo: workouts, a diary, a subscription."""

from tailrace.cli.traffic_catalogue import AWKWARD, FOODS, PLANS, SPORTS
from tailrace.cli.traffic_stories import Aside, Story, Visit, asides, open_app, track, view


def fitness(visit: Visit) -> Story:
    """Onboarding once, then workouts with a diary in between."""
    yield from open_app(visit)
    if visit.newcomer:
        yield from _onboarding(visit)
    while True:
        yield from asides(visit, _DIARY)
        yield from _workout(visit)


def _onboarding(visit: Visit) -> Story:
    dice = visit.dice
    for number, name in enumerate(("goal", "body", "schedule", "permissions"), 1):
        yield track("onboarding_step", step=number, name=name, answered=dice.chance(0.85))
    yield track("plan_selected", weeks=dice.pick((4, 8, 12)), days=dice.pick((["mon", "thu"], ["tue", "fri", "sun"])))


def _workout(visit: Visit) -> Story:
    dice, sport = visit.dice, visit.dice.favour(SPORTS)
    yield view(visit, "workout")
    yield track("workout_start", sport=sport, indoor=dice.chance(0.3), target={"minutes": dice.between(2, 12) * 5})
    for lap in range(dice.between(1, 5)):
        yield track(
            "lap", sport=sport, lap=lap + 1, split_s=dice.amount(210, 480, 1), elevation_m=dice.amount(-30, 60, 1)
        )
        yield track("heart_rate", bpm=[dice.between(96, 182) for _ in range(5)], source="strap")
    yield from asides(visit, ((0.15, _pause), (0.9, _finish)))


def _pause(visit: Visit) -> Story:
    yield track("workout_pause", automatic=visit.dice.chance(0.6), seconds=visit.dice.amount(5, 200, 1))


def _finish(visit: Visit) -> Story:
    dice = visit.dice
    visit.person.level += 1
    yield track(
        "workout_complete",
        distance_km=dice.amount(0.8, 24, 3),
        calories=dice.between(60, 980),
        route=[{"lat": dice.amount(-1, 1), "lon": dice.amount(-1, 1)} for _ in range(3)],
        note=dice.pick(AWKWARD) if dice.chance(0.2) else "",
    )
    if dice.chance(0.2):
        yield track("goal_reached", goal="weekly_minutes", value=dice.between(90, 400), personal_best=dice.chance(0.3))


def _meal(visit: Visit) -> Story:
    foods = [visit.dice.favour(FOODS) for _ in range(visit.dice.between(1, 3))]
    yield view(visit, "diary")
    yield track(
        "food_logged", items=[{"name": name, "kcal": kcal} for name, kcal in foods], kcal=sum(kcal for _, kcal in foods)
    )


def _water(visit: Visit) -> Story:
    yield track("water_logged", ml=visit.dice.between(1, 4) * 125)


def _sync(visit: Visit) -> Story:
    dice = visit.dice
    yield track(
        "sync_complete", source=dice.favour(("watch", "scale")), records=dice.between(0, 900), ok=dice.chance(0.96)
    )


def _paywall(visit: Visit) -> Story:
    dice, (plan, price) = visit.dice, visit.dice.favour(PLANS)
    yield view(visit, "plus")
    if visit.person.spent:
        yield from asides(visit, ((0.15, _cancel),))
    elif dice.chance(0.3):
        yield track("trial_start", plan=plan, days=7)
    elif dice.chance(0.25):
        yield track("purchase", sku=plan, renewal=False, quantity=1, **visit.pay(price))


def _cancel(visit: Visit) -> Story:
    yield track("subscription_cancel", reason=visit.dice.favour(("too expensive", "not used, sorry", "bugs; many")))


def _invite(visit: Visit) -> Story:
    yield track("friend_invited", channel=visit.dice.favour(("link", "sms", "email")), message=visit.dice.pick(AWKWARD))


_DIARY: tuple[Aside, ...] = ((0.3, _sync), (0.25, _meal), (0.2, _water), (0.07, _paywall), (0.02, _invite))
