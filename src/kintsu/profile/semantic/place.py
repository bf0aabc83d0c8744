"""Where something is: country, region, postcode, coordinates."""

from __future__ import annotations

from typing import Final

from kintsu.profile.semantic.kinds import SemanticType, by_pattern, by_words

__all__ = ["TYPES"]


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_ALPHA2: Final = _words(
    """ad ae af ag ai al am ao aq ar as at au aw ax az ba bb bd be bf bg bh bi bj bl bm bn bo bq br bs bt bv bw by bz
    ca cc cd cf cg ch ci ck cl cm cn co cr cu cv cw cx cy cz de dj dk dm do dz ec ee eg eh er es et fi fj fk fm fo
    fr ga gb gd ge gf gg gh gi gl gm gn gp gq gr gs gt gu gw gy hk hm hn hr ht hu id ie il im in io iq ir is it je
    jm jo jp ke kg kh ki km kn kp kr kw ky kz la lb lc li lk lr ls lt lu lv ly ma mc md me mf mg mh mk ml mm mn mo
    mp mq mr ms mt mu mv mw mx my mz na nc ne nf ng ni nl no np nr nu nz om pa pe pf pg ph pk pl pm pn pr ps pt pw
    py qa re ro rs ru rw sa sb sc sd se sg sh si sj sk sl sm sn so sr ss st sv sx sy sz tc td tf tg th tj tk tl tm
    tn to tr tt tv tw tz ua ug um us uy uz va vc ve vg vi vn vu wf ws ye yt za zm zw uk eu"""
)
_ALPHA3: Final = _words(
    """usa gbr deu fra esp ita can aus nzl jpn chn ind bra mex arg chl col per zaf nga ken egy mar tur rus ukr pol cze
    svk hun aut che bel nld lux dnk swe nor fin isl irl prt grc rou bgr hrv srb svn est lva ltu isr sau are qat kwt
    irn irq pak bgd lka tha vnm idn mys sgp phl kor twn hkg"""
)
_NAMES: Final = frozenset(
    name.strip()
    for name in """afghanistan, albania, algeria, andorra, angola, argentina, armenia, australia, austria, azerbaijan,
    bahamas, bahrain, bangladesh, barbados, belarus, belgium, belize, benin, bhutan, bolivia, bosnia and herzegovina,
    botswana, brazil, brunei, bulgaria, burkina faso, burundi, cambodia, cameroon, canada, cape verde, chad, chile,
    china, colombia, comoros, congo, costa rica, croatia, cuba, cyprus, czech republic, czechia, denmark, djibouti,
    dominica, dominican republic, ecuador, egypt, el salvador, equatorial guinea, eritrea, estonia, eswatini, ethiopia,
    fiji, finland, france, gabon, gambia, georgia, germany, ghana, greece, grenada, guatemala, guinea, guyana, haiti,
    honduras, hungary, iceland, india, indonesia, iran, iraq, ireland, israel, italy, ivory coast, jamaica, japan,
    jordan, kazakhstan, kenya, kiribati, kosovo, kuwait, kyrgyzstan, laos, latvia, lebanon, lesotho, liberia, libya,
    liechtenstein, lithuania, luxembourg, madagascar, malawi, malaysia, maldives, mali, malta, mauritania, mauritius,
    mexico, micronesia, moldova, monaco, mongolia, montenegro, morocco, mozambique, myanmar, namibia, nauru, nepal,
    netherlands, the netherlands, new zealand, nicaragua, niger, nigeria, north korea, north macedonia, norway, oman,
    pakistan, palau, palestine, panama, papua new guinea, paraguay, peru, philippines, poland, portugal, puerto rico,
    qatar, romania, russia, russian federation, rwanda, samoa, san marino, saudi arabia, senegal, serbia, seychelles,
    sierra leone, singapore, slovakia, slovenia, somalia, south africa, south korea, south sudan, spain, sri lanka,
    sudan, suriname, sweden, switzerland, syria, taiwan, tajikistan, tanzania, thailand, togo, tonga, trinidad and
    tobago, tunisia, turkey, turkmenistan, uganda, ukraine, united arab emirates, united kingdom, united states,
    united states of america, uruguay, uzbekistan, vanuatu, vatican city, venezuela, vietnam, yemen, zambia, zimbabwe,
    england, scotland, wales, northern ireland, great britain, deutschland, españa, italia, österreich, schweiz,
    hong kong""".replace("\n", " ").split(",")
)
_STATES: Final = _words(
    """al ak az ar ca co ct de fl ga hi id il in ia ks ky la me md ma mi mn ms mo mt ne nv nh nj nm ny nc nd oh ok or
    pa ri sc sd tn tx ut vt va wa wv wi wy dc"""
) | frozenset(
    name.strip()
    for name in """alabama, alaska, arizona, arkansas, california, colorado, connecticut, delaware, florida, georgia,
    hawaii, idaho, illinois, indiana, iowa, kansas, kentucky, louisiana, maine, maryland, massachusetts, michigan,
    minnesota, mississippi, missouri, montana, nebraska, nevada, new hampshire, new jersey, new mexico, new york,
    north carolina, north dakota, ohio, oklahoma, oregon, pennsylvania, rhode island, south carolina, south dakota,
    tennessee, texas, utah, vermont, virginia, washington, west virginia, wisconsin, wyoming,
    district of columbia""".replace("\n", " ").split(",")
)
_POSTAL: Final = frozenset({"postcode", "zip", "zipcode", "postal", "plz", "postleitzahl", "cap", "cp", "pincode"})
_DEGREES: Final = r"[+-]?(?:\d|[1-9]\d|1[0-7]\d|180)(?:\.\d+)?°?"

TYPES = (
    SemanticType("country", by_words(_NAMES | _ALPHA3), frozenset({"country", "nation", "land"}), share=0.6),
    SemanticType("country", by_words(_ALPHA2), frozenset({"country", "nation", "nationality"}), needs_hint=True),
    SemanticType("region", by_words(_STATES), frozenset({"state", "region", "province"}), share=0.8),
    SemanticType(
        "postcode",
        by_pattern(r"(?i:[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}|[A-Z]\d[A-Z][ -]?\d[A-Z]\d|\d{4} ?[A-Z]{2}|\d{5}-\d{4})"),
        _POSTAL,
        share=0.8,
    ),
    SemanticType("postcode", by_pattern(r"(?i:[A-Z]{0,2}[ -]?\d{3,10}(?:-\d{3,4})?|[A-Z\d -]{5,10})"), _POSTAL, True),
    SemanticType("coordinates", by_pattern(rf"\(?{_DEGREES}\s*[NS]?\s*[,;]\s*{_DEGREES}\s*[EW]?\)?"), share=0.6),
    SemanticType(
        "coordinates",
        by_pattern(_DEGREES),
        frozenset({"lat", "latitude", "lon", "lng", "long", "longitude"}),
        needs_hint=True,
    ),
)
