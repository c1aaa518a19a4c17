"""What is wrong with database, keys, files or phone, in Danish. English template: Danish one."""

from __future__ import annotations

_DOING = {  # what failed: storage.sealed.explain
    "sealing a recording": "forsegling af en optagelse",
    "sealing a file": "forsegling af en fil",
    "writing a prompt": "skrivning af en besked",
    "reading a recording": "læsning af en optagelse",
    "removing a recording": "fjernelse af en optagelse",
    "starting a recording": "start af en optagelse",
    "taking up a recording again": "genoptagelse af en optagelse",
    "recording": "optagelse",
    "reading a spool": "læsning af en midlertidig optagelse",
    "opening the media store": "åbning af lydarkivet",
    "noting an erasure": "notering af en sletning",
    "reading the erasure ledger": "læsning af sletteloggen",
}
WHY = {
    "no space left for audio; free space on the data volume": (
        "der er ikke plads til lyden; frigør plads på datadrevet"
    ),
    "the data folder cannot be written; give the service user access to it": (
        "datamappen kan ikke skrives; giv tjenestens bruger adgang til den"
    ),
    "the file is not there": "filen er der ikke",
    "{error}": "{error}",
}
_EXPLAINED = {f"{doing}: {why}": f"{_DOING[doing]}: {WHY[why]}" for doing in _DOING for why in WHY}

SENTENCES: dict[str, str] = {
    # --- the database: storage.database ---
    "SQLite needs a file; give a path, such as sqlite:///data/tast1.db": (
        "SQLite skal have en fil; angiv en sti, fx sqlite:///data/tast1.db"
    ),
    "the database driver {name} is not installed; run: pip install 'psycopg[binary]'": (
        "databasedriveren {name} er ikke installeret; kør: pip install 'psycopg[binary]'"
    ),
    "rows name rows that are not there; restore the database's backup": (
        "rækker henviser til rækker, der mangler; gendan databasen fra sikkerhedskopien"
    ),
    "the database is newer than this program; install the newer program": (
        "databasen er nyere end dette program; installér det nyere program"
    ),
    "the database refused it: {error}": "databasen afviste det: {error}",
    "the database disk is full; free space on the data volume": (
        "databasens disk er fuld; frigør plads på datadrevet"
    ),
    "the database is locked by another program for too long; end that program": (
        "databasen har været låst af et andet program for længe; afslut det program"
    ),
    "the database file cannot be written; give the service user access to its folder": (
        "databasefilen kan ikke skrives; giv tjenestens bruger adgang til mappen"
    ),
    "the database failed: {error}": "databasen fejlede: {error}",
    "the database was away when the gateway started; it is looked for again": (
        "databasen var væk, da gatewayen startede; den søges igen"
    ),
    "the database is empty, and there are recordings or erasures in {path}: restore the database's backup, "
    "or name the right database in `storage.database`; to begin anew, move the folder away": (
        "databasen er tom, og der er optagelser eller sletninger i {path}: gendan databasen fra "
        "sikkerhedskopien, eller angiv den rigtige database i `storage.database`; flyt mappen væk for at "
        "begynde forfra"
    ),
    "the database is busy: too many wait for it; try again": (
        "databasen er optaget: for mange venter på den; prøv igen"
    ),
    # --- files: storage.sealed, storage.spool, storage.media, storage.ledger ---
    **_EXPLAINED,
    "sealing a recording: the encoder wrote back beyond the first chunk": (
        "forsegling af en optagelse: koderen skrev tilbage forbi den første blok"
    ),
    "this is not a sealed recording, or it is cut short; restore it from a backup": (
        "dette er ikke en forseglet optagelse, eller den er afkortet; gendan den fra sikkerhedskopien"
    ),
    "sealed format version {number} is not known; use the program that wrote it": (
        "forseglet format, version {number}, er ukendt; brug det program, der skrev det"
    ),
    "the sealed file belongs to another artifact; restore the right one": (
        "den forseglede fil hører til andet indhold; gendan den rette"
    ),
    "the sealed file is cut short; restore it from a backup": (
        "den forseglede fil er afkortet; gendan den fra sikkerhedskopien"
    ),
    "the key is wrong, or the sealed file was cut short or altered": (
        "nøglen er forkert, eller den forseglede fil er afkortet eller ændret"
    ),
    "the key is wrong, or the sealed bytes were altered": (
        "nøglen er forkert, eller de forseglede bytes er ændret"
    ),
    "the header of the spool was altered; put back the right file": (
        "den midlertidige fils hoved er ændret; læg den rigtige fil tilbage"
    ),
    "this is not the spool of that recording; put back the right file": (
        "dette er ikke optagelsens midlertidige fil; læg den rette fil tilbage"
    ),
    "the spool does not open with this key; use the key file it was written with": (
        "den midlertidige fil kan ikke åbnes med denne nøgle; brug den nøglefil, den blev skrevet med"
    ),
    "no spool was left of that recording": "der er ingen midlertidig fil tilbage af optagelsen",
    "no audio was captured for that recording": "der blev ikke optaget lyd til den optagelse",
    "the recording is shorter than it says": "optagelsen er kortere, end den angiver",
    "the recording cannot be decoded": "optagelsen kan ikke afkodes",
    "the recording could not be encoded; look at the spool": (
        "optagelsen kunne ikke kodes; se på den midlertidige fil"
    ),
    # --- the bucket: storage.bucket ---
    "the bucket keeps versions of what is erased; turn versioning off, or let the bucket drop old versions"
    " and set storage.bucket.versions": (
        "bucketen gemmer versioner af det slettede; slå versionering fra, eller lad bucketen slette gamle"
        " versioner, og sæt storage.bucket.versions"
    ),
    "there is no such bucket, or no such file in it; look at storage.media": (
        "bucketen eller filen i den findes ikke; se på storage.media"
    ),
    "the bucket refuses these credentials; look at storage.bucket": (
        "bucketen afviser adgangsnøglerne; se på storage.bucket"
    ),
    "the bucket does not answer; look at the network and at its server": (
        "bucketen svarer ikke; se på netværket og på dens server"
    ),
    "the bucket has only a part of what was stored; it is tried again": (
        "bucketen har kun en del af det gemte; det prøves igen"
    ),
    "the file is not there, nor in the bucket; it may be on its way from another gateway": (
        "filen er her ikke og heller ikke i bucketen; den kan være på vej fra en anden gateway"
    ),
    # --- several gateways: gateway.membership, storage.instances ---
    "another gateway is called {name} on this database; stop it, or give this one a storage.instance of its"
    " own": (
        "en anden gateway hedder {name} på denne database; stop den, eller giv denne sin egen"
        " storage.instance"
    ),
    "gateway {name} is alive; stop it first": "gatewayen {name} kører; stop den først",
    # --- the gateway, the phone, the model: gateway.app, gateway.worker.phone, transcription.recogniser ---
    "another gateway works on {path}; stop it, or give this one a storage.folder of its own": (
        "en anden gateway arbejder på {path}; stop den, eller giv denne sin egen storage.folder"
    ),
    "the SIP listeners cannot start: {error}": "SIP kan ikke startes: {error}",
    "nothing can listen on {address} ({error}); end the program that does, or change {setting}": (
        "der kan ikke lyttes på {address} ({error}); afslut det program, der gør, eller ret {setting}"
    ),
    "no {event} from the phone, and nothing else": "telefonen meldte ikke {event} og heller intet andet",
    "no {event} from the phone; there were: {error}": ("telefonen meldte ikke {event}; den meldte: {error}"),
    "the phone did not end": "telefonen afsluttede ikke",
    "there is no such folder (give the path of an unpacked Vosk model)": (
        "mappen findes ikke (angiv stien til en udpakket Vosk-model)"
    ),
    "no Vosk model is in that folder (am/final.mdl, conf/model.conf, graph/)": (
        "der er ingen Vosk-model i mappen (am/final.mdl, conf/model.conf, graph/)"
    ),
    "vosk cannot load that model (tast1 model check says more)": (
        "vosk kan ikke indlæse modellen (tast1 model check siger mere)"
    ),
    "vosk cannot make a recogniser of that model": "vosk kan ikke lave en genkender af modellen",
    "vosk cannot decode with that model": "vosk kan ikke afkode med modellen",
    # --- tast1 model check: transcription.models.check ---
    "{path}: it was not loaded within {number} s": "{path}: den blev ikke indlæst inden for {number} s",
    "{path}: Vosk gave up on it (the process ended with {number}){tail}": (
        "{path}: Vosk opgav den (processen sluttede med {number}){tail}"
    ),
    "{path}: graph/{file} is missing, and graph/HCLG.fst is not there either": (
        "{path}: graph/{file} mangler, og graph/HCLG.fst er der heller ikke"
    ),
    "{path}: conf/mfcc.conf is missing: without it features are of another kind": (
        "{path}: conf/mfcc.conf mangler: uden den er lydtrækkene af en anden art"
    ),
    "{path}: conf/model.conf has no --endpoint.silence-phones: Vosk would abort at the first words": (
        "{path}: conf/model.conf mangler --endpoint.silence-phones: Vosk ville afbryde ved de første ord"
    ),
    "{path}: no answer for {number} s": "{path}: intet svar i {number} s",
    "{path}: no transcriber answers there ({error})": "{path}: ingen transskriber svarer der ({error})",
    "it closed the stream{tail} without an answer: look in its log": (
        "den lukkede strømmen{tail} uden et svar: se i dens log"
    ),
    "it does not speak the vosk-server protocol: {error}": (
        "den taler ikke vosk-server-protokollen: {error}"
    ),
}
