"""Plain tables behind the demo traffic. Rows are ordered by popularity: whoever picks from them favours the first."""

from msgspec import Struct


class Place(Struct, frozen=True):
    """Where someone lives; degrees are rounded to 2 decimals, as a privacy-minded server would store them."""

    country: str
    region: str
    city: str
    latitude: float
    longitude: float
    locale: str
    timezone: str
    currency: str


PLACES = (
    Place("US", "NY", "New York", 40.71, -74.01, "en-US", "America/New_York", "USD"),
    Place("DE", "BE", "Berlin", 52.52, 13.41, "de-DE", "Europe/Berlin", "EUR"),
    Place("JP", "13", "東京", 35.68, 139.69, "ja-JP", "Asia/Tokyo", "JPY"),
    Place("GB", "ENG", "London", 51.51, -0.13, "en-GB", "Europe/London", "GBP"),
    Place("US", "CA", "San Francisco", 37.77, -122.42, "en-US", "America/Los_Angeles", "USD"),
    Place("BR", "SP", "São Paulo", -23.55, -46.63, "pt-BR", "America/Sao_Paulo", "BRL"),
    Place("FR", "IDF", "Paris", 48.86, 2.35, "fr-FR", "Europe/Paris", "EUR"),
    Place("IN", "KA", "Bengaluru", 12.97, 77.59, "en-IN", "Asia/Kolkata", "INR"),
    Place("PL", "MZ", "Łódź", 51.76, 19.46, "pl-PL", "Europe/Warsaw", "PLN"),
    Place("US", "TX", "Austin", 30.27, -97.74, "es-US", "America/Chicago", "USD"),
    Place("UA", "30", "Київ", 50.45, 30.52, "uk-UA", "Europe/Kyiv", "UAH"),
    Place("KR", "11", "Seoul", 37.57, 126.98, "ko-KR", "Asia/Seoul", "KRW"),
    Place("IL", "TA", "תל אביב", 32.09, 34.78, "he-IL", "Asia/Jerusalem", "ILS"),
    Place("AU", "NSW", "Sydney", -33.87, 151.21, "en-AU", "Australia/Sydney", "AUD"),
    Place("CA", "QC", "Montréal", 45.5, -73.57, "fr-CA", "America/Toronto", "CAD"),
    Place("NP", "P3", "Kathmandu", 27.72, 85.32, "ne-NP", "Asia/Kathmandu", "USD"),
)

# Units of the currency for one US dollar, and the currencies that have no cents.
RATES = {
    "USD": 1.0, "EUR": 0.92, "JPY": 148.0, "GBP": 0.79, "BRL": 5.4, "INR": 84.0,
    "PLN": 3.95, "UAH": 41.5, "KRW": 1350.0, "ILS": 3.7, "AUD": 1.52, "CAD": 1.37,
}  # fmt: skip
WHOLE_CURRENCIES = frozenset({"JPY", "KRW"})


class Model(Struct, frozen=True):
    """A kind of device; `browser` and `user_agent` are empty for native apps."""

    os_name: str
    os_versions: tuple[str, ...]
    maker: str
    model: str
    submodel: str
    type: str
    screen: str
    browser: str = ""
    browser_versions: tuple[str, ...] = ("",)
    user_agent: str = ""


_IOS = ("18.1", "17.6.1", "17.5.1", "16.7.10")
_DROID = ("14", "13", "15", "12")
_CHROMIUM = ("130.0.0.0", "129.0.0.0", "128.0.0.0")
_WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"
_SAFARI = "AppleWebKit/605.1.15 (KHTML, like Gecko)"

MODELS: dict[str, tuple[Model, ...]] = {
    "ios": (
        Model("iOS", _IOS, "Apple", "iPhone 15", "iPhone15,4", "mobile", "1179x2556"),
        Model("iOS", _IOS, "Apple", "iPhone 13", "iPhone14,5", "mobile", "1170x2532"),
        Model("iOS", _IOS[:2], "Apple", "iPhone 16 Pro", "iPhone17,1", "mobile", "1206x2622"),
        Model("iOS", _IOS[1:], "Apple", "iPhone SE", "iPhone14,6", "mobile", "750x1334"),
        Model("iPadOS", _IOS, "Apple", "iPad Air", "iPad13,16", "tablet", "1640x2360"),
    ),
    "android": (
        Model("Android", _DROID, "Samsung", "Galaxy S23", "SM-S911B", "mobile", "1080x2340"),
        Model("Android", _DROID, "Samsung", "Galaxy A54", "SM-A546E", "mobile", "1080x2340"),
        Model("Android", _DROID, "Xiaomi", "Redmi Note 12", "23021RAAEG", "mobile", "1080x2400"),
        Model("Android", _DROID[:3], "Google", "Pixel 8", "shiba", "mobile", "1080x2400"),
        Model("Android", _DROID[1:], "motorola", "moto g(30)", "XT2129-2", "mobile", "720x1600"),
        Model("Android", _DROID, "Samsung", "Galaxy Tab S8", "SM-X700", "tablet", "1600x2560"),
    ),
    "web": (
        Model("Windows", ("11", "10"), "", "", "", "desktop", "1920x1080", "Chrome", _CHROMIUM,
              f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {_WEBKIT} Chrome/{{browser}} Safari/537.36"),
        Model("Mac OS X", ("10.15.7",), "Apple", "Macintosh", "", "desktop", "1440x900", "Safari", ("18.1", "17.6"),
              f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {_SAFARI} Version/{{browser}} Safari/605.1.15"),
        Model("Android", _DROID, "Samsung", "Galaxy A54", "SM-A546E", "mobile", "412x915", "Chrome Mobile", _CHROMIUM,
              f"Mozilla/5.0 (Linux; Android 10; K) {_WEBKIT} Chrome/{{browser}} Mobile Safari/537.36"),
        Model("iOS", _IOS[:2], "Apple", "iPhone", "", "mobile", "390x844", "Mobile Safari", ("18.1", "17.6"),
              f"Mozilla/5.0 (iPhone; CPU iPhone OS 17_6 like Mac OS X) {_SAFARI} Version/{{browser}} Mobile/15E148"),
        Model("Windows", ("11", "10"), "", "", "", "desktop", "2560x1440", "Edge", _CHROMIUM,
              f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {_WEBKIT} Chrome/{{browser}} Safari/537.36 Edg/{{browser}}"),
        Model("Linux", ("",), "", "", "", "desktop", "1920x1200", "Firefox", ("132.0", "131.0"),
              "Mozilla/5.0 (X11; Linux x86_64; rv:{browser}) Gecko/20100101 Firefox/{browser}"),
    ),
}  # fmt: skip

# Platform -> (name, version) of the library that sends.
SDKS = {"ios": ("tailrace-swift", "2.3.1"), "android": ("tailrace-kotlin", "2.3.0"), "web": ("tailrace-js", "1.9.4")}


class Habits(Struct, frozen=True):
    """How one kind of app is used.

    `hours` are 24 weights of the local day, `week` 7 weights from Monday; `events` is the median number of events
    of a session, `gap_ms` the median pause between two; `releases` are (share of the period at which it came out,
    version, build).
    """

    platforms: tuple[str, ...]
    hours: tuple[int, ...]
    week: tuple[float, ...]
    events: float
    gap_ms: float
    releases: tuple[tuple[float, str, str], ...]


HABITS = {
    "puzzle": Habits(
        ("android", "ios", "web"),
        (5, 3, 2, 1, 1, 2, 4, 8, 9, 7, 6, 6, 9, 9, 7, 6, 6, 8, 10, 13, 16, 17, 14, 9),
        (0.9, 0.9, 0.9, 0.95, 1.1, 1.35, 1.4),
        13.0,
        7_000.0,
        ((-1.0, "3.1.4", "3140"), (0.12, "3.2.0", "3200"), (0.3, "3.2.1", "3201"), (0.72, "3.3.0", "3300")),
    ),
    "fitness": Habits(
        ("ios", "android", "web"),
        (1, 1, 1, 1, 3, 10, 16, 15, 9, 6, 5, 5, 7, 6, 4, 4, 6, 13, 17, 15, 9, 5, 3, 2),
        (1.3, 1.15, 1.15, 1.05, 0.85, 0.95, 0.8),
        10.0,
        25_000.0,
        ((-1.0, "7.0.0", "812"), (0.2, "7.1.0", "840"), (0.55, "7.2.0", "871"), (0.6, "7.2.1", "872")),
    ),
    "shop": Habits(
        ("web", "web", "ios", "android"),
        (3, 2, 1, 1, 1, 1, 2, 4, 7, 9, 10, 11, 13, 11, 9, 9, 9, 9, 10, 13, 16, 16, 12, 7),
        (1.15, 1.05, 1.0, 1.0, 0.9, 0.9, 1.2),
        9.0,
        16_000.0,
        ((-1.0, "2024.40", "5011"), (0.25, "2024.41", "5044"), (0.5, "2024.42", "5102"), (0.75, "2024.43", "5130")),
    ),
}

# Texts that break naive exporters: quotes, separators, line ends, formulas, right-to-left, astral characters.
AWKWARD = (
    'She said "wow", twice',
    "first line\nsecond line",
    "=1+1",
    "🎉👍🏽 great!",
    "مرحبا بالعالم",
    "tab\there; and a semicolon",
    "C:\\new\\table",
    "<b>5 > 3</b> & more",
    "windows\r\nline end",
    "שלום, world",
    " spaces around ",
    "null",
    "007",
    "@SUM(A1:A9)",
    "naïve café — “quoted”",
    "family \U0001f469\u200d\U0001f469\u200d\U0001f467 with joiners, clef 𝄞",
)

NAMES = (
    "Emma Smith", "Liam Müller", "佐藤 陽子", "Olivia Brown", "Ana Souza", "Noah O'Brien", "Олена Коваль",
    "Chloé Dubois", "Arjun Rao", "Zofia Wójcik", "김민준", "נועה לוי", "Jack Wilson", 'José "Pepe" García',
    "ليلى حسن", "Björk, Jr.",
)  # fmt: skip

CAMPAIGNS = (
    ("autumn_launch", "google"),
    ("retarget-30d", "facebook"),
    ("newsletter, week 42", "email"),
    ("influencer ✨", "tiktok"),
)
REFERRERS = ("", "https://www.google.com/", "https://t.co/x7Qp", "https://duckduckgo.com/?q=caf%C3%A9+%26+tea")

# (sku, name, category, price in US dollars)
PRODUCTS = (
    ("SKU-1001", "Ceramic mug, blue", "kitchen", 14.9),
    ("SKU-1002", "抹茶セット", "kitchen", 39.0),
    ("SKU-2001", 'Monitor stand 27"', "office", 59.5),
    ("SKU-1003", "Самовар «Тула»", "kitchen", 189.0),
    ("SKU-2002", "Notebook A5 (dotted)", "office", 9.99),
    ("SKU-3001", "Wool socks 🧦", "clothing", 12.0),
    ("SKU-3002", "Регланка тепла", "clothing", 48.75),
    ("SKU-2003", "Pens; set of 12", "office", 7.25),
    ("SKU-4001", "Ficus lyrata", "garden", 34.0),
    ("SKU-4002", "園芸用はさみ", "garden", 27.8),
    ("SKU-3003", "T-shirt \"=1+1\"", "clothing", 22.0),
    ("SKU-4003", "Gift card & envelope", "other", 25.0),
)  # fmt: skip

# (sku, coins, price in US dollars)
COIN_PACKS = (
    ("coins_100", 100, 0.99),
    ("coins_550", 550, 4.99),
    ("coins_1200", 1200, 9.99),
    ("coins_7000", 7000, 49.99),
)
PLANS = (("plus_monthly", 9.99), ("plus_yearly", 59.99), ("family_yearly", 89.99))
SPORTS = ("run", "walk", "ride", "strength", "yoga", "swim")
FOODS = (
    ("oatmeal", 310),
    ("らーめん", 540),
    ("борщ", 260),
    ("chicken, rice", 620),
    ("açaí bowl", 390),
    ("½ pizza", 720),
)
