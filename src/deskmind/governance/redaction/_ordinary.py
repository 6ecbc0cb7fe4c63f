"""Words that are names too: alone, they are not taken for a person or a place."""

from __future__ import annotations

__all__ = ["CALENDAR", "ORDINARY"]

CALENDAR = frozenset(
    "monday tuesday wednesday thursday friday saturday sunday january february march april may june july august"
    " september october november december mon tue wed thu fri sat sun jan feb mar apr jun jul aug sep sept oct nov dec"
    " today tomorrow yesterday spring summer autumn fall winter easter christmas".split()
)

ORDINARY = CALENDAR | frozenset(
    """
    a ab act add age ago ai air ale all alm also am among an and angel any ap app apple ar arch are area aria arm art as ask asks
    asp ast at author away azure ba baby back bad bag bal ball band bank banks bar base basic bay be bear beat been before
    begin bell bend best beta better bi big bike bill bin bins bird bite black blue board body bond book boot born boss bot
    both bow box boy brain branch brand brands bread break bridge bright bring brown build burn burns bus bush but
    buy by cable cache cad cadence cal call came camp can candi candy cannon cant cap car card care carrier carry case
    cases cash ceil cell center central centre chain chan chance change chase cherish child chip church ci circle cis
    city clan clay clear clerk click close cloud club coach coast code cold colon color colt come comfort command
    comment commit common company con conn constant contact contractor control convey cook cool cop cord core corn cost could
    council country court cover craft crew cross crystal cup dam dan dash data date dates day days dc de deal dean dear
    deep delta den desk dev dex dial diamond did dita do doc dock document does dodo dollar dom done door dot down draw dream
    drive driver dual each early ear east easy echo eco edge edi edit el else emit end energy english enter era error
    essence even event ever every express eye face fact fair fall farmer fast fault fee feed field fields file final fine
    fire first fish fix flag fleet flight flood floor flow flower fly font food foot for force forest forget fork form
    forum found fox frame free fresh friend from front full fun ga gal game gap garden gate gates gauge gem general geo get
    gift girl give glad glass global go god goes gold golden good gore got grand grant graph grass gray great green grey
    ground group grow guard guest guide hack had hair hall ham hand handler happy hard harm has hat hawk he head health
    heart heat held hell hello helm help hence her here hi high hill him his hit ho hold holder home hook hope horn host hot
    hour house how huge hut ice id idea if ii il im image in index info innocent input into ion iron is issue it item
    job join junk just justice key keys kick kid kind king kit know la lab lake lamb land lane large
    last latte law lay le lead leaf league least left legal lens less let letter level li liber lie lies life light like
    line link lion list little live ll load loan local lock log london long look lord lose loss lost lot love low lower luck
    lucky ma mac macro macs made mail main major make male man manage manager many map mark market marks mars marsh
    master match max may maximum me meal mean media meet member memo men mentor merchant mere message met meta metal
    middle might mile mill min mind mine minor mint miss mobile mode model money month moon moore more morning most
    mother motor mount mouse move mr mrs much must my na nail name nan near need net never new news next nice night nil no
    noise none noon normal north not note notes now nun nurse oak obi od odd of off office often oh oil ok old ole
    on one online only onto open opera option or orange order other our out over own pa pace pack page pages paid
    paint pair pal panda panel paper par pare parent park part parts party pass past pat patch path patience patient pay
    pea peace peach peak pen people pepper per perfect person phone pi pick piece pin pine pink pipe pit pitch place
    plain plan plane plant play plaza pleas please pleasant plus po point police poll pool poor pop pope port post pot
    powder power pr prem present press price pride prima prime prince print printer prior prize probe problem proc project
    proper pub public pull pure purple push put qn queen query quick quiet quota race radio rail rain ram ran range rapid rare
    rate ray re reach read reader ready real reason record red reed refs regards render renders repo report request reset
    reset rest return rice rich ride right ring rise risk river ro road rock rod role roll roof room root rope rose round
    route row royal rule run rush sa safari safe said sail sale sales salt same san sand sane sans save say school
    screen sea seal search season seat sec second see seed sell send sep septembre serve server service set seven shade shadow
    shape sharp she shift ship shirt shoe shop short should show side sign signal silver simple sin since
    single sir site six size skip sky slack sleep slow small smart snow so social soft solar some son song soon sort
    sound soup source south space spare speak speed spell spot spring square st stack staff stage stake stand star stare start
    state station stay steel step stern stick still stock stone stop store storm story straight strange stream street string
    strong student study style sub such sugar suits summer sun super support sure surf sweet swift switch system sys ta tab
    table tag tail take talk tall tan tank tar task taxi tea teach team tel tell temple ten term test text than thank thanks
    that the them then there these they thing think third this those thorn three through ti tick ticket tie ties tiers till
    time tin tine tiny tip title to toll tom tone toner too tool top topic total touch tough tour tower town trace track trade
    train travel tree trip true trust try tuesday tune turn tv twin two type uk ultra unable uncle under uni union unique unit
    unknown up update upper ups us usa use user ut val valid valley value van var vary vast ve ver version versa very via
    view virt virtue vis visa vision voice volt vs wait walk wall walls want war warm warn warns was wash watch water wave way
    ways we wealth web week weeks well were west wet what wheel when where white who why wi wide wild will win wind window
    wine wing wise wish with women wood wool word work world worth would yellow yes yet you young your yr zero zone
    cable monitor keyboard docking laptop network outlook teams word excel chrome edge oracle citrix adobe cisco dell lenovo
    java python perl swift kotlin scala julia jenkins docker jira confluence slack zoom siri cortana alexa watson splunk
    tableau grafana prometheus kafka redis mongo cassandra athena aurora lambda titan apollo atlas phoenix mercury pandora
    during after while within about since until between under
    american british english french german spanish italian dutch danish swedish norwegian finnish polish czech russian chinese japanese korean
    indian mexican brazilian irish scottish welsh greek turkish arabic latin european asian african canadian australian
    princess princes king queen song songs artist hotel restaurant address
    block journey raid hide sad ah ace owe fed mate sincere mare doctor ebb sing powers sole dos magic bent provost mall torrent eta wit
    sine handy arts gross fancy canal glasses hay bills ether rails brick hurt bare downs mad ferry fate lemma hacker nota diver steer
    lips ware contra mountain toy medic dare veer hood blessing math petit cares victory freely payer captain rout storms saint hammer
    bitten bull loyal harsh burger judge sister kindle miracle mat silk joke carton til es en se der die das les seit peer haven rom cam whit casa
    familie family tot spa proven champion postal para proves hole pile hid outer wake ton turbo magenta lent gram abs ripe perk silly
    license licenses product products pleasure sent installation needed functional
    kunde auch aus bien dans dias mal mas meer ploeg rok sala schon sie sur und clavier fur heel mese nueva pantalla piano salle strona tres
    engineer developer analyst director officer accounts payable senior lead kindly hey greetings sincerely cheers best
    """.split()
)
