"""The web shop of the demo: products, a cart, checkout."""

from tailrace.cli.traffic_catalogue import AWKWARD, PRODUCTS, RATES
from tailrace.cli.traffic_stories import Aside, Step, Story, Visit, asides, open_app, track, view


def shop(visit: Visit) -> Story:
    """Look at things; now and then put one in the cart, now and then buy."""
    yield from open_app(visit)
    while True:
        yield from asides(visit, _FINDING)
        yield from _product(visit)
        if visit.cart and visit.dice.chance(0.35):
            yield from _checkout(visit)


def _search(visit: Visit) -> Story:
    query = visit.dice.pick(AWKWARD) if visit.dice.chance(0.15) else visit.dice.favour(PRODUCTS)[1].split()[0].lower()
    yield view(visit, "search", "Search")
    yield track("products_searched", query=query, results=visit.dice.between(0, 60))


def _filter(visit: Visit) -> Story:
    low = visit.dice.between(0, 30)
    yield track(
        "filter_applied", category=visit.dice.pick(PRODUCTS)[2], price={"from": low, "to": low * 4 + 10}, in_stock=True
    )


def _newsletter(visit: Visit) -> Story:
    yield track("newsletter_signup", double_opt_in=visit.dice.chance(0.5), topics=["sale", "new & <hot>"])


def _product(visit: Visit) -> Story:
    dice, (sku, name, category, price) = visit.dice, visit.dice.favour(PRODUCTS)
    item = {"product_id": sku, "name": name, "category": category, "price": visit.price(price)}
    yield view(visit, f"p/{sku.lower()}", name)
    yield track("product_viewed", **item, currency=visit.person.place.currency, in_stock=dice.chance(0.93))
    if dice.chance(0.25):
        visit.cart.append(item | {"quantity": dice.favour((1, 2, 3))})
        yield track("product_added", **visit.cart[-1], cart_size=len(visit.cart))
    yield from asides(visit, ((0.06, _wish), (0.03, _review)))


def _wish(visit: Visit) -> Story:
    yield track("wishlist_added", product_id=visit.dice.favour(PRODUCTS)[0], public=visit.dice.chance(0.1))


def _review(visit: Visit) -> Story:
    yield track("review_written", stars=visit.dice.between(1, 5), text=visit.dice.pick(AWKWARD), images=[])


def _checkout(visit: Visit) -> Story:
    dice = visit.dice
    yield view(visit, "cart", "Your cart")
    yield track("cart_viewed", lines=len(visit.cart))
    if len(visit.cart) > 1 and dice.chance(0.2):
        yield track("product_removed", product_id=visit.cart.pop()["product_id"], lines=len(visit.cart))
    yield track("checkout_started", lines=len(visit.cart), guest=dice.chance(0.3))
    yield from asides(visit, ((0.15, _coupon),))
    yield track("payment_entered", method=dice.favour(("card", "paypal", "invoice")), ok=dice.chance(0.94))
    if dice.chance(0.7):
        yield _order(visit)


def _coupon(visit: Visit) -> Story:
    yield track(
        "coupon_entered", code=visit.dice.favour(("WELCOME10", "HERBST-24", "50%OFF")), valid=visit.dice.chance(0.6)
    )


def _order(visit: Visit) -> Step:
    lines, visit.cart = visit.cart, []
    subtotal = round(sum(line["price"] * line["quantity"] for line in lines), 2)
    shipping = 0.0 if visit.dice.chance(0.4) else visit.price(4.9)
    visit.person.spent += subtotal / RATES[visit.person.place.currency]
    return track(
        "order_completed",
        order_id=f"O-{visit.dice.hexes(8).upper()}",
        subtotal=subtotal,
        shipping=shipping,
        total=round(subtotal + shipping, 2),
        currency=visit.person.place.currency,
        products=lines,
        gift_note=visit.dice.pick(AWKWARD) if visit.dice.chance(0.2) else "",
    )


_FINDING: tuple[Aside, ...] = ((0.25, _search), (0.12, _filter), (0.01, _newsletter))
