"""Places that texts about work name most: states of the world, large cities, states of the USA. Folded."""

from __future__ import annotations

__all__ = ["WELL_KNOWN_PLACES"]

WELL_KNOWN_PLACES = frozenset(
    place.strip()
    for line in """
    afghanistan, albania, algeria, andorra, angola, argentina, armenia, australia, austria, azerbaijan, bahamas, bahrain, bangladesh
    barbados, belarus, belgium, belize, benin, bhutan, bolivia, bosnia, botswana, brazil, brunei, bulgaria, burkina faso, burundi
    cambodia, cameroon, canada, cape verde, chile, china, colombia, costa rica, croatia, cuba, cyprus, czech republic, czechia
    denmark, djibouti, dominican republic, ecuador, egypt, el salvador, england, estonia, ethiopia, fiji, finland, france, gabon
    gambia, germany, ghana, great britain, greece, greenland, grenada, guatemala, guinea, guyana, haiti, honduras, hong kong
    hungary, iceland, india, indonesia, iran, iraq, ireland, israel, italy, ivory coast, jamaica, japan, kazakhstan, kenya
    kosovo, kuwait, kyrgyzstan, laos, latvia, lebanon, lesotho, liberia, libya, liechtenstein, lithuania, luxembourg, macau
    macedonia, madagascar, malawi, malaysia, maldives, malta, mauritania, mauritius, mexico, moldova, monaco, mongolia
    montenegro, morocco, mozambique, myanmar, namibia, nepal, netherlands, new zealand, nicaragua, nigeria, north korea
    northern ireland, norway, pakistan, palestine, panama, paraguay, peru, philippines, poland, portugal, puerto rico, qatar
    romania, russia, rwanda, saudi arabia, scotland, senegal, serbia, seychelles, sierra leone, singapore, slovakia, slovenia
    somalia, south africa, south korea, spain, sri lanka, sudan, suriname, sweden, switzerland, syria, taiwan, tajikistan
    tanzania, thailand, togo, tonga, trinidad, tunisia, turkey, turkmenistan, uganda, ukraine, united arab emirates
    united kingdom, united states, united states of america, uruguay, usa, u.s., uzbekistan, venezuela, vietnam, wales, yemen
    zambia, zimbabwe, europe, asia, africa, north america, south america, latin america, scandinavia, middle east, emea, apac
    alabama, alaska, arizona, arkansas, california, colorado, connecticut, delaware, florida, hawaii, idaho, illinois, indiana
    iowa, kansas, kentucky, louisiana, maryland, massachusetts, michigan, minnesota, mississippi, missouri, montana, nebraska
    nevada, new hampshire, new jersey, new mexico, new york, north carolina, north dakota, ohio, oklahoma, oregon, pennsylvania
    rhode island, south carolina, south dakota, tennessee, texas, utah, vermont, washington, west virginia, wisconsin, wyoming
    ontario, quebec, british columbia, alberta, manitoba, saskatchewan, nova scotia, new south wales, queensland, tasmania
    bavaria, tuscany, catalonia, andalusia, brittany, normandy, lombardy, flanders, wallonia, yorkshire, cornwall, kent, essex
    abu dhabi, accra, addis ababa, adelaide, albuquerque, alexandria, algiers, amman, amsterdam, anchorage, ankara, antwerp
    athens, atlanta, auckland, baghdad, baku, baltimore, bangalore, bengaluru, bangkok, barcelona, basel, beijing, beirut, belfast
    belgrade, bergen, berlin, bern, bilbao, birmingham, bogota, bologna, bonn, bordeaux, boston, bratislava, bremen, brisbane
    bristol, brno, brussels, bucharest, budapest, buenos aires, buffalo, cairo, calgary, cambridge, canberra, cape town, caracas
    cardiff, casablanca, charlotte, chennai, chicago, christchurch, cincinnati, cleveland, cologne, colombo, columbus
    copenhagen, cork, coventry, cracow, krakow, curitiba, dakar, dallas, damascus, dar es salaam, debrecen, delhi, new delhi
    denver, detroit, dhaka, doha, dortmund, dresden, dubai, dublin, durban, dusseldorf, edinburgh, edmonton, eindhoven, essen
    florence, fortaleza, frankfurt, gdansk, geneva, genoa, ghent, glasgow, gothenburg, goteborg, granada, graz, guadalajara
    guangzhou, hague, the hague, haifa, hamburg, hanoi, hanover, hannover, harare, havana, heidelberg, helsinki, houston
    hyderabad, indianapolis, innsbruck, istanbul, izmir, jacksonville, jakarta, jeddah, jerusalem, johannesburg, kampala
    kansas city, karachi, kathmandu, kiel, kiev, kyiv, kolkata, kuala lumpur, kuwait city, kyoto, lagos, lahore, las vegas
    lausanne, leeds, leicester, leipzig, liege, lille, lima, linz, lisbon, liverpool, ljubljana, lodz, london, los angeles
    luanda, lusaka, luxembourg city, lviv, lyon, madrid, malaga, malmo, manchester, manila, maputo, marseille, melbourne
    memphis, mexico city, miami, milan, milwaukee, minneapolis, minsk, mombasa, monterrey, montevideo, montreal, moscow
    mumbai, munich, munchen, nagoya, nairobi, nantes, naples, nashville, newcastle, new orleans, new york city, nice, nicosia
    nottingham, nuremberg, odense, odessa, omaha, oporto, orlando, osaka, oslo, ottawa, palermo, paris, perth, philadelphia
    phoenix, pittsburgh, plymouth, porto, portland, porto alegre, poznan, prague, pretoria, pune, quito, rabat, raleigh
    recife, reykjavik, riga, rio de janeiro, riyadh, rome, rotterdam, sacramento, saint petersburg, st petersburg, salt lake city
    salvador, salzburg, san antonio, san diego, san francisco, san jose, san juan, santiago, santo domingo, sao paulo, sapporo
    sarajevo, seattle, seoul, seville, shanghai, sheffield, shenzhen, skopje, sofia, southampton, stavanger, st louis
    stockholm, strasbourg, stuttgart, sydney, taipei, tallinn, tampa, tampere, tashkent, tbilisi, tehran, tel aviv, tirana
    tokyo, toronto, toulouse, trieste, trondheim, tromso, tucson, tunis, turin, turku, uppsala, utrecht, valencia, vancouver
    venice, verona, vienna, vilnius, warsaw, wellington, winnipeg, wroclaw, yokohama, york, zagreb, zurich, silicon valley
    """.strip().splitlines()
    for place in line.split(",")
    if place.strip()
)
