"""What is said of prompts: commands, what the checks find and what to do about it, and refusals."""

from __future__ import annotations

TEXTS: dict[str, tuple[str, str]] = {  # key: Danish, English
    "column.prompt": ("Besked", "Prompt"),
    "column.text": ("Tekst", "Text"),
    "column.loudness": ("LUFS", "LUFS"),
    "column.findings": ("Fejl/advarsler", "Errors/warnings"),
    "column.made_by": ("Lavet af", "Made by"),
    "column.made_at": ("Lavet", "Made"),
    "column.approved_by": ("Godkendt af", "Approved by"),
    "column.played": ("Afspilles i", "Played in"),
    "column.from": ("Fra", "From"),
    "column.severity": ("Art", "Kind"),
    "column.what_to_do": ("Hvad der er galt, og hvad du gør", "What is wrong, and what to do"),
    "title.prompts": ("Beskeder", "Prompts"),
    "title.activations": ("Taget i brug", "Activated"),
    "title.findings": ("Kontrol af {prompt}", "Checks of {prompt}"),
    "severity.error": ("fejl", "error"),
    "severity.warning": ("advarsel", "warning"),
    "state.shipped": ("medfølger", "shipped"),
    "state.draft": ("venter på godkendelse", "waits for approval"),
    "state.faulty": ("har fejl", "has errors"),
    "state.approved": ("godkendt", "approved"),
    "scope.set": ("hele sættet", "the whole set"),
    "scope.flow": ("flowet {target}", "the flow {target}"),
    "scope.number": ("nummeret {target}", "the number {target}"),
    "prompts.made": (
        "{prompt} er lavet og venter på godkendelse.",
        "{prompt} is made and waits for approval.",
    ),
    "prompts.faulty": (
        "{prompt} er lavet, men har fejl og kan ikke godkendes. Ret dem, og lav en ny version.",
        "{prompt} is made, but has errors and cannot be approved. Mend them and make a new version.",
    ),
    "prompts.no_findings": ("Intet at bemærke ved {prompt}.", "Nothing is wrong with {prompt}."),
    "prompts.approved": (
        "{prompt} er godkendt. Den høres, når den tages i brug: tast1 prompts activate {prompt}",
        "{prompt} is approved. It is heard once it is activated: tast1 prompts activate {prompt}",
    ),
    "prompts.activated": (
        "{prompt} afspilles i {place} for opkald, der begynder fra {begins}.",
        "{prompt} is played in {place} for calls that begin from {begins} on.",
    ),
    "prompts.told": ("Gatewayen ved det.", "The gateway knows."),
    "prompts.not_running": (
        "Ingen gateway kører her. En, der kører et andet sted, opdager det inden for få sekunder.",
        "No gateway runs here. One that runs elsewhere finds out within seconds.",
    ),
    "prompts.problem": (
        "Beskeden `problem` læser gatewayen kun ved sin start.",
        "The gateway reads the prompt `problem` at its start only.",
    ),
    "prompts.rolled_back": (
        "{prompt} afspilles ikke længere i {place}; nye opkald hører {now}.",
        "{prompt} is no longer played in {place}; new calls hear {now}.",
    ),
    "prompts.unscheduled": ("{prompt} tages ikke i brug i {place}.", "{prompt} will not begin in {place}."),
    "prompts.wider": ("det, der gælder uden for {place}", "what holds outside {place}"),
    "prompts.written": (
        "Skrevet til {path}: som den lyder i telefonen (A-law, 300-3400 Hz).",
        "Written to {path}: as it sounds in a telephone (A-law, 300-3400 Hz).",
    ),
    "prompts.no_player": (
        "Der er intet program, der kan afspille lyd (aplay, paplay). Angiv --out FIL eller --call URI.",
        "There is no program that plays sound (aplay, paplay). Give --out FILE or --call URI.",
    ),
    "prompts.calling": ("Ringer op …", "Calling …"),
    "prompts.called": ("{prompt} blev afspillet i telefonen.", "{prompt} was played on the telephone."),
    "prompts.not_answered": ("Telefonen blev ikke taget.", "The telephone was not answered."),
    "prompts.text_once": (
        "Angiv teksten med --text eller --text-file, ikke begge.",
        "Give the text with --text or --text-file, not both.",
    ),
    "prompts.text_file": (
        "{path} kan ikke læses; den skal være en UTF-8-tekstfil.",
        "{path} cannot be read; it must be a UTF-8 text file.",
    ),
    "studio.unreadable": (
        "{file} kan ikke læses som lyd. Gem den som WAV eller FLAC.",
        "{file} cannot be read as sound. Save it as WAV or FLAC.",
    ),
    "studio.empty": ("{file} er tom. Gem optagelsen igen.", "{file} is empty. Save the recording again."),
    "studio.endless": (
        "{file} er længere end {most_s} s. Klip beskeden ud.",
        "{file} is longer than {most_s} s. Cut the prompt out of it.",
    ),
    "studio.too_large": (
        "{file} fylder for meget. Gem den i stereo ved 48 kHz eller mindre.",
        "{file} is too large. Save it in stereo at 48 kHz or less.",
    ),
    "prompt.upload": ("Optagelsen", "The recording"),
    "studio.not_finite": (
        "{file} indeholder tal, der ikke er lyd. Gem optagelsen igen som 16- eller 24-bit PCM.",
        "{file} holds numbers that are no sound. Save the recording again as 16 or 24 bit PCM.",
    ),
    "studio.no_voice": (
        "espeak-ng har ingen stemme til sættet {language}. Indspil teksten, og brug tast1 prompts import.",
        "espeak-ng has no voice for the set {language}. Record the text and use tast1 prompts import.",
    ),
    "studio.no_espeak": (
        "espeak-ng kan ikke køres. Installér det, eller indspil teksten og brug tast1 prompts import.",
        "espeak-ng cannot be run. Install it, or record the text and use tast1 prompts import.",
    ),
    "studio.words_missing": (
        "Teksten siger ikke “{words}”, hvor {marker} skal stå. Angiv ordene før den: --marker {marker}=ORD",
        "The text does not say “{words}” where {marker} should stand. Give the words before it:"
        " --marker {marker}=WORDS",
    ),
    "studio.nothing_said": (
        "Af en del af teksten siger espeak-ng intet. Skriv den i ord.",
        "Of a part of the text espeak-ng says nothing. Write it in words.",
    ),
    "finding.sample_rate": (
        "Filen har {rate_hz} Hz, færre end telefonens 8000. Få den fra studiet med 16000 Hz eller mere.",
        "The file has {rate_hz} Hz, fewer than the telephone's 8000. Get it from the studio at 16000 Hz"
        " or more.",
    ),
    "finding.channels_cancel": (
        "Filens kanaler ophæver hinanden: samlet er de {loss_db} dB svagere. Gem den i mono.",
        "The channels of the file cancel each other: as one they are {loss_db} dB quieter. Save it in mono.",
    ),
    "finding.silent": (
        "Intet kan høres (højeste top {peak_dbfs} dBFS). Gem optagelsen igen.",
        "Nothing is heard (highest peak {peak_dbfs} dBFS). Save the recording again.",
    ),
    "finding.too_short": (
        "Den varer {length_ms} ms; {least_ms} ms er det korteste, der høres. Gem hele optagelsen.",
        "It lasts {length_ms} ms; {least_ms} ms is the shortest that is heard. Save all of the recording.",
    ),
    "finding.too_long": (
        "Den varer {length_s} s; efter {most_s} s lægger mange på. Forkort teksten.",
        "It lasts {length_s} s; after {most_s} s many hang up. Shorten the text.",
    ),
    "finding.too_quiet": (
        "Den er for svag: {lufs} LUFS, mindst {least_lufs}. Skru op, eller importér med --level.",
        "It is too quiet: {lufs} LUFS, at least {least_lufs}. Turn it up, or import it with --level.",
    ),
    "finding.too_loud": (
        "Den er for kraftig: {lufs} LUFS, højst {most_lufs}. Skru ned, eller importér med --level.",
        "It is too loud: {lufs} LUFS, at most {most_lufs}. Turn it down, or import it with --level.",
    ),
    "finding.true_peak": (
        "Toppene når {peak_dbtp} dBTP. Skru {lower_db} dB ned, eller importér med --level.",
        "The peaks reach {peak_dbtp} dBTP. Turn it down by {lower_db} dB, or import it with --level.",
    ),
    "finding.clipped": (
        "Lyden er klippet {places} steder, først ved {first_ms} ms. Det kan ikke rettes: optag igen,"
        " svagere.",
        "The sound is clipped in {places} places, first at {first_ms} ms. That cannot be mended: record"
        " again,"
        " at a lower level.",
    ),
    "finding.dc_offset": (
        "Lyden ligger {percent} % ved siden af nul. Fjern jævnspændingen (DC offset) i studiet.",
        "The sound is {percent} % off zero. Have the studio remove the DC offset.",
    ),
    "finding.muffled": (
        "Der er næsten intet over 1 kHz ({share_db} dB): tale forstås ikke. Fjern filteret, eller optag"
        " igen.",
        "There is next to nothing above 1 kHz ({share_db} dB): speech is not understood. Remove the"
        " filter, or"
        " record again.",
    ),
    "finding.outside_band": (
        "Kun {percent} % af lyden ligger mellem 300 og 3400 Hz, som er det telefonen lader igennem."
        " Skær bassen fra, eller optag igen.",
        "Only {percent} % of the sound lies between 300 and 3400 Hz, which is what a telephone lets through."
        " Cut the bass, or record again.",
    ),
    "finding.starts_abruptly": (
        "Talen begynder efter {lead_ms} ms; det første ord kan blive klippet. Læg {least_ms} ms stilhed"
        " foran.",
        "Speech begins after {lead_ms} ms; the first word may be cut. Put {least_ms} ms of silence"
        " before it.",
    ),
    "finding.starts_late": (
        "Talen begynder først efter {lead_ms} ms. Klip stilheden ned til højst {most_ms} ms.",
        "Speech begins only after {lead_ms} ms. Cut the silence down to {most_ms} ms at most.",
    ),
    "finding.ends_abruptly": (
        "Efter talen er der {tail_ms} ms; det sidste ord kan blive klippet. Læg {least_ms} ms stilhed efter.",
        "After the speech there are {tail_ms} ms; the last word may be cut. Put {least_ms} ms of silence"
        " after it.",
    ),
    "finding.ends_late": (
        "Efter talen er der {tail_ms} ms stilhed. Klip den ned til højst {most_ms} ms.",
        "After the speech there are {tail_ms} ms of silence. Cut it down to {most_ms} ms at most.",
    ),
    "finding.long_pause": (
        "Ved {at_ms} ms er der {pause_ms} ms stilhed; det lyder som om beskeden er slut. Klip i den.",
        "At {at_ms} ms there are {pause_ms} ms of silence; that sounds like the end. Shorten it.",
    ),
    "finding.markers_missing": (
        "Mærkerne {names} mangler. Angiv hvert med --marker NAVN=MS (import) eller NAVN=ORD (render).",
        "The markers {names} are missing. Give each with --marker NAME=MS (import) or NAME=WORDS (render).",
    ),
    "finding.markers_unknown": (
        "Her er der ingen mærker {names}. Udelad dem; kun spørgsmålet om samtykke har mærker.",
        "There are no markers {names} here. Leave them out; only the consent question has markers.",
    ),
    "finding.markers_order": (
        "Mærkerne står i en anden rækkefølge end {names}. Mål dem igen.",
        "The markers stand in another order than {names}. Measure them again.",
    ),
    "finding.marker_outside": (
        "Mærket {marker} står ved {ms} ms, uden for beskedens {length_ms} ms. Mål det igen.",
        "The marker {marker} stands at {ms} ms, outside of the prompt's {length_ms} ms. Measure it again.",
    ),
    "finding.marker_in_speech": (
        "Mærket {marker} ved {ms} ms står midt i tale. Den nærmeste pause begynder ved {pause_ms} ms;"
        " sæt det i pausen efter ordene.",
        "The marker {marker} at {ms} ms stands in the middle of speech. The nearest pause begins at"
        " {pause_ms} ms;"
        " put it into the pause after its words.",
    ),
    "finding.no_pauses": (
        "Der kan ikke høres pauser, så mærkerne kan ikke kontrolleres. Lyt selv efter, hvor de står.",
        "No pauses can be told, so the markers cannot be checked. Listen for yourself where they stand.",
    ),
    "finding.speech_after_end": (
        "prompt_end står ved {ms} ms, men talen slutter først ved {speech_ms} ms. Sæt det der.",
        "prompt_end stands at {ms} ms, but speech ends only at {speech_ms} ms. Put it there.",
    ),
    "finding.text_empty": (
        "Teksten er tom. Skriv, hvad der siges, med --text.",
        "The text is empty. Write what is said with --text.",
    ),
    "finding.text_length": (
        "Teksten svarer til {per_s} tegn i sekundet, og sådan taler ingen. Er det den rigtige fil?",
        "The text would be {per_s} characters a second, and nobody speaks so. Is it the right file?",
    ),
    "finding.language_unknown": (
        "Teksten i sættet {language} kan ikke kontrolleres. Læs den selv: tasten, formålene, navnet.",
        "The text of the set {language} cannot be checked. Read it yourself: key, purposes, name.",
    ),
    "finding.key_not_named": (
        "Teksten siger ikke, at man skal trykke {keys} for at acceptere. Skriv det (ivr.accept_key).",
        "The text does not say to press {keys} to accept. Write it (ivr.accept_key).",
    ),
    "finding.other_key": (
        "Teksten siger, at man skal trykke {pressed}, men det er {keys}, der accepterer"
        " (ivr.accept_key). Ret tasten.",
        "The text says to press {pressed}, but it is {keys} that accepts (ivr.accept_key). Correct the key.",
    ),
    "finding.purposes_more": (
        "Spørgsmålet gælder ét formål, men nævner også {purposes}: spørg om dem hver for sig (A-14).",
        "The question is for one purpose and names {purposes} as well: ask for each by itself (A-14).",
    ),
    "finding.purposes_missing": (
        "Teksten nævner ikke formålene {purposes}. Samtykket gælder kun det, der siges (R-03): tag dem med.",
        "The text does not name the purposes {purposes}. Consent covers only what is said (R-03): name them.",
    ),
    "finding.policy_wording": (
        "Teksten er ikke politikkens, ord for ord: ord {word} er “{says}”, i politikken “{policy}”."
        " Brug politikkens ord, eller få ændringen godkendt.",
        "The text is not the policy's, word for word: word {word} is “{says}”, in the policy “{policy}”."
        " Use the policy's words, or have the change approved.",
    ),
    "finding.company_not_named": (
        "Velkomsten siger ikke {company}, og den, der ringer, skal høre, hvem der spørger. Skriv navnet.",
        "The greeting does not say {company}, and the caller must hear who asks. Write the name.",
    ),
}

SENTENCES: dict[str, str] = {  # English template of storage.prompts and gateway.workshop: Danish one
    "{prompt} is approved already": "{prompt} er allerede godkendt",
    "somebody else than its maker approves a prompt (four eyes)": (
        "en besked godkendes af en anden end den, der lavede den (fire øjne)"
    ),
    "a prompt is played from now on or from a time to come, not from a time that is over": (
        "en besked afspilles fra nu af eller fra et senere tidspunkt, ikke fra et, der er passeret"
    ),
    "{prompt} is not approved; somebody else than its maker does that first": (
        "{prompt} er ikke godkendt; det gør en anden end den, der lavede den, først"
    ),
    "nothing is to begin there": "der er intet, der skal begynde dér",
    "nothing was activated there that could be taken back": "dér er intet taget i brug, som kan tages"
    " tilbage",
    "there is no version {prompt}; see tast1 prompts list": (
        "der er ingen version {prompt}; se tast1 prompts list"
    ),
    "there is no prompt set {id}; there are {names}": "der er intet sæt beskeder {id}; der er {names}",
    "there is no prompt {id}; there are {names}": "der er ingen besked {id}; der er {names}",
    "there is no marker {id}; there are {names}": "der er intet mærke {id}; der er {names}",
    "the file of {prompt} is missing or altered; restore it, or make the version anew": (
        "filen til {prompt} mangler eller er ændret; hent den fra en sikkerhedskopi, eller lav versionen igen"
    ),
    "there are no words to be spoken; give them with --text or --text-file": (
        "der er ingen ord at sige; angiv dem med --text eller --text-file"
    ),
    "a text has at most {id} characters": "en tekst har højst {id} tegn",
    "{prompt} has errors: {names}; make a new version without them": (
        "{prompt} har fejl: {names}; lav en ny version uden dem"
    ),
    "{prompt} has warnings: {names}; give --accept-warnings and a --reason": (
        "{prompt} har advarsler: {names}; angiv --accept-warnings og en begrundelse med --reason"
    ),
    "name a flow or a number, not both": "angiv et flow eller et nummer, ikke begge",
    "there is no flow {id}; there are {names}": "der er intet flow {id}; der er {names}",
    "the flow {flow} plays the set {id}, not {id_2}": "flowet {flow} afspiller sættet {id}, ikke {id_2}",
    "{prompt} does not name {id}, the key that accepts in the flow {flow}, and no other": (
        "{prompt} nævner ikke {id}, tasten der accepterer i flowet {flow}, og ingen anden"
    ),
    "a prompt is named SET/PROMPT or SET/PROMPT/VERSION, such as da/consent/2": (
        "en besked hedder SÆT/BESKED eller SÆT/BESKED/VERSION, for eksempel da/consent/2"
    ),
}
