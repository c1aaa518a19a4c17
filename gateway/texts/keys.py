"""What is said of the keys that open what is recorded."""

from __future__ import annotations

TEXTS: dict[str, tuple[str, str]] = {  # key: Danish, English
    "title.keys": ("Nøgler", "Keys"),
    "column.key": ("Nøgle", "Key"),
    "column.kept_in": ("Ligger i", "Kept in"),
    "column.at_hand": ("Til stede her", "At hand here"),
    "column.wraps": ("Pakker", "Wraps"),
    "column.backups_until": ("Sikkerhedskopier til og med", "Backups until"),
    "keys.kind.file": ("fil", "file"),
    "keys.kind.command": ("kommando", "command"),
    "keys.kind.pkcs11": ("PKCS#11-modul", "PKCS#11 token"),
    "keys.kind.public": ("offentlig nøgle", "public key"),
    "keys.kind.private": ("privat nøgle", "private key"),
    "keys.state.in_use": ("i brug", "in use"),
    "keys.state.opens": ("åbner kun", "opens only"),
    "keys.state.superseded": ("afløst", "superseded"),
    "keys.state.retired": ("udtjent", "retired"),
    "keys.state.destroyed": ("destrueret", "destroyed"),
    "keys.well": (
        "Alle nøgler, der er brug for, er til stede og åbner.",
        "All keys that are needed are at hand and open.",
    ),
    "keys.seals_only": (
        "Denne node kan kun forsegle: optagelser åbnes på en node med den private nøgle.",
        "This node can only seal: recordings are opened on a node with the private key.",
    ),
    "keys.finding.missing": (
        "Nøglen {of} mangler her, og noget er pakket med den: angiv den under storage.key.others",
        "The key {of} is not at hand, and something is wrapped with it: name it under storage.key.others",
    ),
    "keys.finding.broken": (
        "Nøglen {of} åbner ikke det, den pakker: undersøg, hvor den ligger",
        "The key {of} does not open what it wraps: look into where it is kept",
    ),
    "keys.finding.altered": (
        "{of}: kan ikke åbnes. Nøglen mangler, eller den pakkede nøgle er ændret: gendan fra sikkerhedskopi",
        "{of}: does not open. Its key is not at hand, or the wrapped key was altered: restore from a backup",
    ),
    "keys.rotated": (
        "Ny nøgle {id} er i brug. Pakket om: {count}. Lyd er ikke rørt.",
        "The new key {id} is in use. Wrapped anew: {count}. No sound was touched.",
    ),
    "keys.went_on": (
        "Nøglen {id} er i brug. Pakket om: {count}. Lyd er ikke rørt.",
        "The key {id} is in use. Wrapped anew: {count}. No sound was touched.",
    ),
    "keys.retired": (
        "Nøglen {id} er udtjent: intet er pakket med den, og intet bliver det.",
        "The key {id} is retired: nothing is wrapped with it, and nothing will be.",
    ),
    "keys.waiting": (
        "Nøglen {id} er afløst. Når alle gateways har den nye: tast1 keys retire {id}",
        "The key {id} is superseded. When every gateway has the new one: tast1 keys retire {id}",
    ),
    "keys.back_up": (
        "Tag nu en sikkerhedskopi af den nye nøgle, adskilt fra data.",
        "Back up the new key now, apart from the data.",
    ),
    "keys.destroyed": (
        "Nøglen {id} er destrueret. Fjern også dens sikkerhedskopier.",
        "The key {id} is destroyed. Remove its backups, too.",
    ),
    "keys.pair": (
        "Privat nøgle: {private} (kun til de noder, der åbner). Offentlig nøgle: {public}.",
        "Private key: {private} (for the nodes that open alone). Public key: {public}.",
    ),
    "keys.finished": (
        "Optagelser gjort færdige: {recordings}. Transskriberet: {transcripts}.",
        "Recordings completed: {recordings}. Transcribed: {transcripts}.",
    ),
}

SENTENCES: dict[str, str] = {  # English template to the Danish one: storage.wrapping and those that use it
    "a key encryption key has {number} bytes, this one has {number_2}": (
        "en nøglekrypteringsnøgle har {number} bytes, denne har {number_2}"
    ),
    "the key file is not a regular file; name another one in `storage.key_file`": (
        "nøglefilen er ikke en almindelig fil; angiv en anden i `storage.key_file`"
    ),
    "others may read the key file (mode {number}); run: chmod 600 {path}": (
        "andre må læse nøglefilen (rettigheder {number}); kør: chmod 600 {path}"
    ),
    "the key file {path} is missing; restore its backup (without it nothing recorded can be read)": (
        "nøglefilen {path} mangler; gendan den fra sikkerhedskopien (uden den kan intet optaget læses)"
    ),
    "the key file {path} is missing, and there is an archive in {path_2}: restore the key file's backup "
    "(without it nothing recorded can be read); to begin anew, move the archive away": (
        "nøglefilen {path} mangler, og der er et arkiv i {path_2}: gendan nøglefilen fra sikkerhedskopien "
        "(uden den kan intet optaget læses); flyt arkivet væk for at begynde forfra"
    ),
    "the key file {path} cannot be used ({error}); give the service user access to it": (
        "nøglefilen {path} kan ikke bruges ({error}); giv tjenestens bruger adgang til den"
    ),
    "the key file {path} has {number} bytes instead of {number_2}; restore its backup "
    "(without it nothing recorded can be read; remove it only if there are no recordings)": (
        "nøglefilen {path} har {number} bytes i stedet for {number_2}; gendan den fra sikkerhedskopien "
        "(uden den kan intet optaget læses; fjern den kun, hvis der ingen optagelser er)"
    ),
    "another key wrapped this data key ({key}); restore the key file it was made with, "
    "or name that key in storage.key": (
        "en anden nøgle har pakket denne nøgle ({key}); gendan den nøglefil, den blev lavet med, "
        "eller angiv den nøgle i storage.key"
    ),
    "another key wrapped the data keys of this archive ({key}); restore the key file it was made with, "
    "or name that key in storage.key": (
        "en anden nøgle har pakket dette arkivs nøgler ({key}); gendan den nøglefil, de blev lavet med, "
        "eller angiv den nøgle i storage.key"
    ),
    "another key wrapped the keys of this archive ({key}); restore the key file it was made with, "
    "or name that key in storage.key": (
        "en anden nøgle har pakket arkivets egne nøgler ({key}); gendan den nøglefil, de blev lavet med, "
        "eller angiv den nøgle i storage.key"
    ),
    "the wrapped data key was altered or belongs to another artifact": (
        "den pakkede nøgle er ændret eller hører til andet indhold"
    ),
    "this node can only seal: open it on a node that has the private key (storage.key.private_key)": (
        "denne node kan kun forsegle: åbn det på en node med den private nøgle (storage.key.private_key)"
    ),
    "that is no public key of the kind X25519 in PEM; make a pair with `tast1 keys pair`": (
        "det er ikke en offentlig X25519-nøgle i PEM; lav et par med `tast1 keys pair`"
    ),
    "that is no private key of the kind X25519 in PEM without a password; "
    "make a pair with `tast1 keys pair`": (
        "det er ikke en privat X25519-nøgle i PEM uden adgangskode; lav et par med `tast1 keys pair`"
    ),
    "storage.key.public_key is not the public key of storage.key.private_key; "
    "name those of one pair, and the one before under storage.key.others": (
        "storage.key.public_key hører ikke til storage.key.private_key; "
        "angiv begge fra samme par, og den forrige under storage.key.others"
    ),
    "the command of storage.key.command cannot be run ({error})": (
        "kommandoen i storage.key.command kan ikke køres ({error})"
    ),
    "the command of storage.key.command took longer than {number} s; run it by hand as the service user": (
        "kommandoen i storage.key.command tog mere end {number} s; kør den i hånden som tjenestens bruger"
    ),
    "the command of storage.key.command ended with status {number}; run it by hand as the service user": (
        "kommandoen i storage.key.command sluttede med status {number}; kør den selv som tjenestens bruger"
    ),
    "the command of storage.key.command did not print a key: {number} bytes, or those in hex or Base64": (
        "kommandoen i storage.key.command skrev ingen nøgle: {number} bytes, rå eller som hex eller Base64"
    ),
    "the PKCS#11 library {path} cannot be loaded; put its path in storage.key.pkcs11.module": (
        "PKCS#11-biblioteket {path} kan ikke indlæses; angiv stien i storage.key.pkcs11.module"
    ),
    "no PKCS#11 token has the label of storage.key.pkcs11.token": (
        "intet PKCS#11-modul har navnet i storage.key.pkcs11.token"
    ),
    "the PKCS#11 token has no AES key, or several, with the label of storage.key.pkcs11.key": (
        "PKCS#11-modulet har ingen eller flere AES-nøgler med navnet i storage.key.pkcs11.key"
    ),
    "the PKCS#11 token refused the PIN of storage.key.pkcs11.pin ({error}); "
    "correct it before the token locks itself": (
        "PKCS#11-modulet afviste PIN-koden i storage.key.pkcs11.pin ({error}); "
        "ret den, før modulet spærrer sig selv"
    ),
    "the PKCS#11 token failed ({error}); see that it is reachable and allows AES-GCM": (
        "PKCS#11-modulet fejlede ({error}); se efter, at det kan nås og tillader AES-GCM"
    ),
    "the key {key} is retired and wraps nothing any more; "
    "start this gateway with the one that took its place": (
        "nøglen {key} er udtjent og pakker ikke mere; start denne gateway med den, der afløste den"
    ),
    "there is no other key to go on to: name a new one in storage.key, and the one before under "
    "storage.key.others": (
        "der er ingen anden nøgle at skifte til: angiv en ny i storage.key og den forrige under "
        "storage.key.others"
    ),
    "the key {key} is in use; no other one has taken its place": (
        "nøglen {key} er i brug; ingen anden har afløst den"
    ),
    "the key {key} is needed still, by {number}; run `tast1 keys rotate`": (
        "nøglen {key} er der stadig brug for, af {number}; kør `tast1 keys rotate`"
    ),
    "the key {key} is not retired; run `tast1 keys retire` first": (
        "nøglen {key} er ikke udtjent; kør først `tast1 keys retire`"
    ),
    "backups that need the key {key} may exist until {date}; wait, or give --despite-backups": (
        "sikkerhedskopier, der kræver nøglen {key}, kan findes til og med {date}; "
        "vent, eller giv --despite-backups"
    ),
    "the key {key} has no file here; destroy it where it is kept": (
        "nøglen {key} har ingen fil her; destruér den, hvor den ligger"
    ),
    "there is no key {key}; see `tast1 keys list`": "der er ingen nøgle {key}; se `tast1 keys list`",
}
