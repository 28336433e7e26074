#!/usr/bin/env python3
"""Compares the ids of our tokenizers with those of Hugging Face `tokenizers`, all of them, and says how many rows agree.

    python3 Benchmarks/reference/tokenizers_check.py                   everything; makes its own environment first
    python3 Benchmarks/reference/tokenizers_check.py golden            writes Tests/TokenizersTests/Golden again
    python3 Benchmarks/reference/tokenizers_check.py decompositions    writes Sources/Tokenizers/CanonicalDecompositions.swift again

Rows: movie reviews, tweets, news and shop reviews (vaderSentiment), diagnoses (simple-icd-10-cm), a dictionary of
computing (dict-foldoc, where apt-get is), every Unicode scalar in several surroundings, and seeded random mixtures of
combining marks, emoji, CJK, right-to-left text, control characters, NUL, white space of all kinds, very long words,
special tokens and bytes that are no UTF-8. Nothing of the third-party texts is kept in the repository.

The models are looked for in $TRIBUTARY_MODELS or .cache/models, where `source scripts/setup; setup::need models
layouts` puts them (`minilm`, `smollm2`, `smollm2-q4_1.gguf`). Our side runs as the tool TokenizersBenchmark, which is built if --tool does not name one.
"""
import argparse, glob, gzip, json, os, random, re, struct, subprocess, sys, tarfile, time, zipfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CACHE = os.path.join(ROOT, ".cache", "tokenizers")
MODELS = os.environ.get("TRIBUTARY_MODELS") or os.path.join(ROOT, ".cache", "models")
GOLDEN = os.path.join(ROOT, "Tests", "TokenizersTests", "Golden")
PINNED = ["tokenizers==0.23.3", "gguf==0.19.0", "jinja2==3.1.6"]


def environment():
    """Runs this script again with the pinned packages, in an environment of its own."""
    try:
        import gguf, jinja2, tokenizers  # noqa: F401
        if tokenizers.__version__ == PINNED[0].split("==")[1] and jinja2.__version__ == PINNED[2].split("==")[1]:
            return
    except ImportError:
        pass
    python = os.path.join(CACHE, "python", "bin", "python")
    if os.path.realpath(sys.prefix) == os.path.realpath(os.path.join(CACHE, "python")):
        sys.exit(f"tokenizers_check: error: {python} does not have {PINNED}")
    if not os.path.exists(python):
        os.makedirs(CACHE, exist_ok=True)
        subprocess.run([sys.executable, "-m", "venv", os.path.join(CACHE, "python")], check=True)
    subprocess.run([python, "-m", "pip", "install", "-q", "--disable-pip-version-check", *PINNED], check=True)
    os.execv(python, [python, os.path.abspath(__file__), *sys.argv[1:]])


# ---- rows


def fetched(name, *arguments):
    directory = os.path.join(CACHE, name)
    if not os.path.isdir(directory):
        os.makedirs(directory + ".partial", exist_ok=True)
        subprocess.run(
            [sys.executable, "-m", "pip", "download", "-q", "--disable-pip-version-check", "--no-deps", *arguments,
             "-d", directory + ".partial"], check=True)
        os.rename(directory + ".partial", directory)
    return glob.glob(os.path.join(directory, "*"))[0]


def sentiment():
    package = fetched("sentiment", "--no-binary", ":all:", "vaderSentiment==3.3.2")
    rows = []
    with tarfile.open(package) as outer:
        inner = next(m for m in outer.getmembers() if m.name.endswith("hutto_ICWSM_2014.tar.gz"))
        with tarfile.open(fileobj=outer.extractfile(inner)) as archive:
            for member in archive.getmembers():
                if member.name.endswith("_GroundTruth.txt"):
                    for line in archive.extractfile(member).read().split(b"\n"):
                        parts = line.split(b"\t")
                        if len(parts) >= 3:
                            rows.append(parts[2])  # as bytes: some are not UTF-8
    return rows


def diagnoses():
    package = fetched("diagnoses", "simple-icd-10-cm==1.5.0")
    with zipfile.ZipFile(package) as archive:
        name = next(n for n in archive.namelist() if re.search(r"icd10c-tabular.*\.xml$", n))
        text = archive.read(name).decode("utf-8")
    import html
    return [html.unescape(t).encode() for t in re.findall(r"<(?:desc|note)>([^<]+)</", text)]


def dictionary():
    """dict-foldoc, a Debian package; an empty list elsewhere."""
    directory = os.path.join(CACHE, "dictionary")
    if not os.path.isdir(directory):
        os.makedirs(directory + ".partial", exist_ok=True)
        try:
            subprocess.run(["apt-get", "download", "-q", "dict-foldoc"], cwd=directory + ".partial", check=True,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            package = glob.glob(os.path.join(directory + ".partial", "*.deb"))[0]
            subprocess.run(["dpkg", "-x", package, directory + ".partial"], check=True)
        except (OSError, subprocess.CalledProcessError):
            return []
        os.rename(directory + ".partial", directory)
    body = gzip.open(os.path.join(directory, "usr/share/dictd/foldoc.dict.dz")).read()
    return [row for row in re.split(rb"\n(?=\S)", body) if len(row) > 20]


def scalars():
    """Every scalar that may be a character between letters, digits, spaces, apostrophes and marks; sixteen to a row.

    Of private use and of the planes without characters, every 97th."""
    rows, row = [], []
    for value in range(0x110000):
        if 0xD800 <= value < 0xE000 or (0x32400 <= value < 0xE0000 or value >= 0xE0200) and value % 97 and value & 0xFFFE != 0xFFFE:
            continue
        c = chr(value)
        row.append(f"x{c}y1{c}2  {c} '{c}e{c}\u0301\u0323")
        if len(row) == 16:
            rows.append(" ".join(row).encode())
            row = []
    rows.append(" ".join(row).encode())
    return rows


POOL = [
    "a", "b", "the", "the,", "Hello!", "été", "e\u0301te\u0301", "e\u0301\u0323x", "Hello", "HELLO", "straße", "İstanbul", "ǅ", "ŉ", "'s", "'S", "'ll", "'LL", "'ſ", "'re", "'d", "'", "''",
    "é", "e\u0301", "e\u0323\u0301", "e\u0301\u0323", "\u0301", "\u0345", "A\u030a", "Å", "\u1e69", "s\u0323\u0307", "s\u0307\u0323",
    "\u0958", "\u0915\u093c", "한국어", "각", "\u1100\u1161\u11a8", "가\u11a8", "中文字", "漢", "\U00020000", "\uf900", "\U0002f800", "カタカナ", "ｶﾞ", "々",
    "👩‍👩‍👧‍👦", "👍🏽", "🇩🇪", "❤️", "\u200d", "\ufe0f", "😀", "שלום", "مرحبا", "\u202e", "\u200f", "नमस्ते", "ไทย", "ქართული", "Ὀδυσσεύς",
    " ", "  ", "   ", "\t", "\n", "\r\n", "\r", "\n\n\n", "\u00a0", "\u2003", "\u3000", "\u2028", "\u0085", "\u000b", "\u000c", "\u1680",
    "\u0000", "\u0001", "\u001b[0m", "\u007f", "\u009f", "\ufffd", "\ufeff", "\u00ad", "\ue000", "\U0010ffff", "\ufdd0",
    "1", "12", "123", "1234567", "٣", "Ⅷ", "½", "²", "๕", "3.14", "1,000", "0x1F",
    ".", ",", "...", "!?", "—", "-", "_", "__init__", "@user", "#tag", "https://example.org/?q=1&r=%20", "{}", "<", ">", "|", "``", "$", "€", "\u166d", "\u2e43",
    "don't", "can't've", "I'm", "naïve", "Ｆｕｌｌ", "ﬁ", "x" * 101, "q" * 100, "ab" * 70, "antidisestablishmentarianism", "supercalifragilistic",
    "[CLS]", "[SEP]", "[MASK]", "[UNK]", "[PAD]", "[mask]", "<|im_start|>", "<|im_end|>", "<|endoftext|>", "<|im_", "<repo_name>", "<reponame>", "##ing", "##",
]
BROKEN = [b"\xff", b"\xc3", b"\xe2\x82", b"\xf0\x9f\x98", b"\xed\xa0\x80", b"\xed\xa0\xbd\xed\xb8\x80", b"\xc0\x80", b"\xf4\x90\x80\x80", b"\x80", b"\xe0\x80\xaf", b"\xf8\x88\x80\x80\x80", b"\xfe\xfe"]


def mixtures(count, seed=20):
    generator = random.Random(seed)
    rows = []
    for index in range(count):
        row = b""
        for _ in range(generator.randrange(0, 14)):
            draw = generator.random()
            if draw < 0.86:
                row += generator.choice(POOL).encode()
            elif draw < 0.93:
                row += generator.choice(BROKEN)
            else:
                value = generator.randrange(0x110000)
                row += chr(value).encode("utf-8", "surrogatepass")
        rows.append(row)
    for length in (96, 100, 101, 191, 192, 193, 194, 1000, 30000):
        rows += [b"a" * length, b"ab" * length, " ".encode() * length, "é".encode() * length, b"'" * length, "字".encode() * length]
        rows.append(bytes(generator.randrange(256) for _ in range(length)))
        rows.append("".join(generator.choice("abcdefgh") for _ in range(length)).encode())
    return rows


# ---- the two sides


def packed(rows):
    return b"".join(struct.pack("<I", len(row)) + row for row in rows)


def unpacked(data):
    place, rows = 0, []
    while place < len(data):
        length, = struct.unpack_from("<I", data, place)
        rows.append(data[place + 4:place + 4 + length])
        place += 4 + length
    return rows


def ours(tool, mode, path, rows):
    result = subprocess.run([tool, mode, path], input=packed(rows), stdout=subprocess.PIPE, check=True)
    return unpacked(result.stdout)


def reference(path):
    from tokenizers import Tokenizer
    tokenizer = Tokenizer.from_file(path)
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


LLAMA = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"


def variants():
    """Pairs of files, for us and for the reference: the real tokenizers, and SmolLM2's vocabulary under other rules."""
    os.makedirs(CACHE, exist_ok=True)
    mini, smol = (os.path.join(MODELS, name, "tokenizer.json") for name in ("minilm", "smollm2"))
    result = {"MiniLM": (mini, mini), "SmolLM2": (smol, smol)}

    def derived(name, change, base=smol):
        file = json.load(open(base))
        change(file)
        path = os.path.join(CACHE, name + ".json")
        json.dump(file, open(path, "w"), ensure_ascii=False)
        return path

    split = lambda pattern: {"type": "Sequence", "pretokenizers": [
        {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False},
        {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}]}

    def llama(file):
        file["pre_tokenizer"] = split(LLAMA)
        file["model"]["ignore_merges"] = True
        file["post_processor"] = {"type": "Sequence", "processors": [
            {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": False, "use_regex": True},
            {"type": "TemplateProcessing",
             "single": [{"SpecialToken": {"id": "<|im_start|>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
             "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
             "special_tokens": {"<|im_start|>": {"id": "<|im_start|>", "ids": [1], "tokens": ["<|im_start|>"]}}}]}

    def qwen(file):
        file["normalizer"] = {"type": "NFC"}
        file["pre_tokenizer"] = split(LLAMA.replace("{1,3}", ""))
        # Added tokens with every flag, beyond the vocabulary's own.
        size = len(file["model"]["vocab"])
        for index, (content, flags) in enumerate([
                ("straße", {"single_word": True}), ("\u00e9t\u00e9", {"normalized": True}), ("the,", {"lstrip": True, "rstrip": True}),
                ("e\u0323\u0301x", {"normalized": True}), ("Hello!", {"single_word": True, "lstrip": True}), ("  ", {})]):
            file["added_tokens"].append({
                "id": size + index, "content": content, "single_word": False, "lstrip": False, "rstrip": False,
                "normalized": False, "special": index % 2 == 0, **flags})

    def gpt2(file):
        file["pre_tokenizer"] = {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True}

    def cased(file):
        file["normalizer"].update(lowercase=False, strip_accents=None, handle_chinese_chars=False)
        file["post_processor"] = {"type": "BertProcessing", "sep": ["[SEP]", 102], "cls": ["[CLS]", 101]}
        for token in file["added_tokens"]:
            token.update(normalized=True, rstrip=True)

    for name, change, base in [("GPT-2 rules", gpt2, smol), ("Llama 3 rules", llama, smol), ("Qwen 2 rules", qwen, smol),
                               ("cased BERT rules", cased, mini)]:
        path = derived(name.replace(" ", "-"), change, base)
        result[name] = (path, path)

    packaged = os.path.join(MODELS, "smollm2-q4_1.gguf")
    if os.path.exists(packaged):
        from gguf import GGUFReader
        fields = GGUFReader(packaged).fields
        value = lambda key: fields["tokenizer.ggml." + key].contents()
        path = os.path.join(CACHE, "gguf.json")
        json.dump({"model": value("model"), "preTokenizer": value("pre"), "tokens": value("tokens"),
                   "types": value("token_type"), "merges": value("merges")}, open(path, "w"), ensure_ascii=False)
        result["SmolLM2 from GGUF"] = (path, smol)
    return result


def compare(tool, only):
    sets = {"reviews": sentiment(), "diagnoses": diagnoses(), "dictionary": dictionary(), "every scalar": scalars(),
            "mixtures": mixtures(20000)}
    print("rows:", ", ".join(f"{name} {len(rows):,}" for name, rows in sets.items()), flush=True)
    failed = 0
    for name, (path, theirs) in variants().items():
        if only and name not in only:
            continue
        tokenizer = reference(theirs)
        for kind, rows in sets.items():
            if name not in ("MiniLM", "SmolLM2") and kind in ("diagnoses", "dictionary"):
                continue
            results = ours(tool, "encode", path, rows)
            assert len(results) == len(rows)
            wrong = wrong_texts = tokens = 0
            texts = ours(tool, "decode", path, results) if kind in ("reviews", "mixtures") else None
            for start in range(0, len(rows), 5000):
                part = [row.decode("utf-8", "replace") for row in rows[start:start + 5000]]
                encoded = [e.ids for e in tokenizer.encode_batch_fast(part)]
                decoded = tokenizer.decode_batch(encoded, skip_special_tokens=False) if texts else None
                for index, ids in enumerate(encoded):
                    tokens += len(ids)
                    got = results[start + index]
                    if got != struct.pack(f"<{len(ids)}i", *ids):
                        wrong += 1
                        if wrong <= 3:
                            print("   ", repr(part[index][:200]), "\n      theirs", ids[:60], "\n      ours  ",
                                  list(struct.unpack(f"<{len(got) // 4}i", got))[:60])
                    if texts and texts[start + index].decode() != decoded[index]:
                        wrong_texts += 1
                        if wrong_texts <= 3:
                            print("   ", repr(decoded[index][:200]), repr(texts[start + index][:200]))
            failed += wrong + wrong_texts
            also = f", texts of {len(rows) - wrong_texts:,}" if texts else ""
            print(f"{name:20} {kind:14} ids of {len(rows) - wrong:,} rows of {len(rows):,} agree{also}, {tokens:,} tokens", flush=True)
    real = [r for k in ("reviews", "diagnoses", "dictionary") for r in sets[k]]
    for name, (path, theirs) in variants().items():
        if name in ("MiniLM", "SmolLM2", "Llama 3 rules", "Qwen 2 rules") and (not only or name in only):
            speed = subprocess.run([tool, "speed", path], input=packed(real), stdout=subprocess.PIPE, check=True).stdout.decode().strip()
            tokenizer, texts = reference(theirs), [r.decode("utf-8", "replace") for r in real]
            texts = texts[:20000]
            start = time.process_time()
            count = sum(len(tokenizer.encode(text).ids) for text in texts)
            rate = count / (time.process_time() - start)
            print(f"{name:20} {speed}; the reference, row by row: {int(rate)} tokens/s", flush=True)
    print("all rows agree" if not failed else f"{failed} rows differ")
    return failed



# ---- what the repository's tests compare with


SENTENCES = [
    "The quick brown fox jumps over the lazy dog.", "She didn't say they'd've gone; he'll say I'm WRONG.",
    "Prices rose 3.5% to $1,234,567.89 in 2024!", "    indented\n\tcode = [x for x in range(10)]  # note\n\n\nend   ",
    "def f(a, b):\r\n    return a//b\r\n", "Größe, naïve façade, coöperate, São Paulo, Łódź, Ångström",
    "Здравствуйте, мир! Γειά σου Κόσμε.", "今天天气很好。東京タワー 서울특별시", "שלום עולם مرحبا بالعالم नमस्ते दुनिया สวัสดี",
    "<|im_start|>user\nHello there<|im_end|>\n<|im_start|>assistant\n", "[CLS] a [MASK] b [SEP]", "", " ", "\n", "a",
    "e-mail: someone@example.org, see https://example.org/a_b?c=d&e=%20f#g", "1 12 123 1234 12345 ٣٤ ५६ Ⅷ ½ ²",
]

CHATML = """{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}{{ '<s>system\nBe kind.</s>\n' }}{% endif %}{{'<s>' + message['role'] + '\n' + message['content'] + '</s>' + '\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<s>assistant\n' }}{% endif %}"""
HEADERS = """{% set rest = messages %}{% for message in rest %}{% set content = '[' + message['role'] + ']\n\n' + message['content'] | trim + '[end]' %}{% if loop.index0 == 0 %}{% set content = bos_token + content %}{% endif %}{{ content }}{% endfor %}{% if add_generation_prompt %}{{ '[assistant]\n\n' }}{% endif %}"""
TOOLS = """{#- A comment,
   over two lines -#}
{{- bos_token }}
{%- if custom_tools is defined %}
    {%- set tools = custom_tools %}
{%- endif %}
{%- if not date is defined %}
    {%- set date = "1 May" %}
{%- endif %}
{%- if not tools is defined %}
    {%- set tools = none %}
{%- endif %}
{%- if messages[0]['role'] == 'system' %}
    {%- set system = messages[0]['content']|trim %}
    {%- set messages = messages[1:] %}
{%- else %}
    {%- set system = "" %}
{%- endif %}
{{- "system\\n" }}
{%- if builtin_tools is defined or tools is not none %}
    {{- "Tools: " + builtin_tools | reject('equalto', 'x') | join(", ") + "\\n" }}
{%- endif %}
{{- "Date: " + date + "\\n" }}
{{- system }}
{%- if messages | length == 0 %}
    {{- raise_exception("a conversation needs a question") }}
{%- endif %}
{%- for message in messages %}
    {%- if not (message.role == 'tool' or 'calls' in message) %}
        {{- '<' + message['role'] + '>\\n' + message['content'] | trim + '</>\\n' }}
    {%- elif 'calls' in message %}
        {%- if not message.calls|length == 1 %}
            {{- raise_exception("one call at a time") }}
        {%- endif %}
    {%- elif message.role == "tool" %}
        {%- if message.content is mapping or message.content is iterable %}
            {{- message.content | tojson }}
        {%- endif %}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<assistant>\\n' }}
{%- endif %}
"""
TURNS = """{%- if tools %}
    {{- 'tools' }}
{%- else %}
    {%- if messages[0].role == 'system' %}
        {{- '<system>' + messages[0].content + '</>\n' }}
    {%- endif %}
{%- endif %}
{%- for message in messages %}
    {%- if (message.role == "user") or (message.role == "system" and not loop.first) or (message.role == "assistant" and not message.tool_calls) %}
        {{- '<' + message.role + '>' + message.content + '</>' + '\n' }}
    {%- elif message.role == "assistant" %}
        {%- for call in message.tool_calls %}
            {%- if call.function is defined %}
                {%- set call = call.function %}
            {%- endif %}
            {{- call.name ~ call.arguments | tojson }}
        {%- endfor %}
    {%- elif message.role == "tool" %}
        {%- if (loop.index0 == 0) or (messages[loop.index0 - 1].role != "tool") %}
            {{- '<tools>' }}
        {%- endif %}
        {{- message.content }}
        {%- if loop.last or (messages[loop.index0 + 1].role != "tool") %}
            {{- '</tools>\n' }}
        {%- endif %}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<assistant>' }}
{%- endif %}
"""
ALTERNATING = """{% for message in messages %}
  {% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}
    {{ raise_exception('Roles must alternate: ' ~ message.role) }}
  {% endif %}
  {{ loop.index }}/{{ loop.length }} {{ message.role | upper }}: {{ message.content.strip() }}
{% else %}
nothing
{% endfor %}
"""
EXPRESSIONS = [
    "{{ 1 + 2 * 3 - 4 // 3 }} {{ -7 // 2 }} {{ -7 % 3 }} {{ (1 + 2) * 3 }}", "{{ 'a' ~ 1 ~ true ~ none }}",
    "{{ 'b' in 'abc' }} {{ 'd' not in ['a', 'b'] }} {{ 1 < 2 < 3 }} {{ 3 > 2 > 2 }} {{ 'a' < 'b' }}",
    "{{ 'abcdef'[1:3] }} {{ 'abcdef'[-2:] }} {{ 'abcdef'[::-1] }} {{ 'abcdef'[:100] }} {{ 'abcdef'[4:2] }} {{ 'é字'[1] }}",
    "{{ [1, 2, 3][-1] }} {{ [1, 2][5] }} {{ [3, 4][1:] | first }} {{ {'a': 1, 'b': {'c': 2}}.b.c }}",
    "{{ missing }}|{{ missing is defined }}|{{ missing | default('x') }}|{{ '' | default('y', true) }}|{{ none | default('z') }}",
    "{{ '  a b ' | trim }}|{{ '  a '.lstrip() }}|{{ 'xxaxx'.strip('x') }}|{{ 'a-b-c'.split('-') | join('+') }}|{{ ' a  b '.split() | length }}",
    "{{ 'hello WORLD' | title }} {{ 'hello WORLD' | capitalize }} {{ 'aXa' | replace('a', 'bb') }} {{ 'abc'.startswith('ab') }} {{ 'abc'.endswith('ab') }}",
    "{{ 'yes' if missing else 'no' }} {{ 'a' if true }} {{ 'a' if false }}.",
    "{{ not true or true and false }} {{ not (true or true) }} {{ 0 or 'x' }} {{ 1 and '' }} {{ 1 == true }} {{ '1' == 1 }}",
    "{{ {'k': [1, 'é', none, true, {'n': '<&>'}]} | tojson }} {{ {'a': [1], 'b': []} | tojson(indent=2) }}",
    "{% for k, v in {'a': 1, 'b': 2}.items() %}{{ k }}={{ v }};{% endfor %}{% for k in {'x': 1} %}{{ k }}{% endfor %}",
    "{% set x = 1 %}{% for i in [1, 2] %}{% set x = 5 %}{{ x }}{% endfor %}{{ x }}{% if true %}{% set x = 7 %}{% endif %}{{ x }}",
    "a  {%- if true -%}  b  {%- endif -%}  c", "a\n   {% if true %}   \n  b\n  {% endif %}\nc\n\n", "  {{ 1 }}  \n  {# note #}\n  {{- 2 -}}  \n 3",
    "x {% if true %} y {% endif %} z\n", "\r\n  {% if true %}\r\nq{% endif %}\r\n", "{{ \"it's\" + 'a \"quote\"' + 'tab\\tnl\\\\n' }}", "{{ 'a' 'b' }}",
    "{{ 'x' is string }} {{ 1 is number }} {{ [] is iterable }} {{ {} is mapping }} {{ none is none }} {{ 2 is equalto 2 }} {{ 3 is not eq(4) }}",
    "{{ [1, 2, 3] | select('equalto', 2) | join(',') }} {{ ['a', 'b'] | last }} {{ 'a,b' | length }} {{ 5 | string | length }}",
    "{%+ if true %} kept{%+ endif %} {{ '{{' }} {{ '%}' }} {{ {'a': {'b': 1}}['a']['b'] }}",
]


def chat_environment():
    """Jinja as transformers 5 sets it up for chat templates."""
    import jinja2
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    class Refusal(Exception):
        pass

    def refuse(message):
        raise Refusal(message)

    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"])
    environment.filters["tojson"] = lambda value, indent=None: json.dumps(value, ensure_ascii=False, indent=indent)
    environment.globals["raise_exception"] = refuse
    return environment, Refusal


def chat_case(template, messages, prompt, name=None):
    environment, refusal = chat_environment()
    case = {"template": template, "messages": messages, "prompt": prompt}
    try:
        case["text"] = environment.from_string(template).render(
            messages=messages, add_generation_prompt=prompt, tools=None, documents=None, bos_token="<bos>", eos_token="<eos>")
    except refusal as error:
        case["refusal"] = str(error)
    return case


def golden():
    os.makedirs(GOLDEN, exist_ok=True)
    rows = [sentence.encode() for sentence in SENTENCES] + [piece.encode() for piece in POOL] + BROKEN + mixtures(150, seed=1)[:150]
    rows += [b"a" * 95, b"ab" * 60, "é".encode() * 120, b" " * 130]
    result = {"rows": [row.hex() for row in rows]}
    for name in ("minilm", "smollm2"):
        tokenizer = reference(os.path.join(MODELS, name, "tokenizer.json"))
        encoded = tokenizer.encode_batch([row.decode("utf-8", "replace") for row in rows])
        result[name] = [e.ids for e in encoded]
        result[name + "Texts"] = tokenizer.decode_batch([e.ids for e in encoded], skip_special_tokens=True)
    json.dump(result, open(os.path.join(GOLDEN, "tokens.json"), "w"), separators=(",", ":"))

    system, user, answer = ({"role": r, "content": c} for r, c in [("system", "  Be brief.\n"), ("user", " Hi & <hello> "), ("assistant", "Yes.\n")])
    conversations = [[user], [system, user], [system, user, answer, user], [user, user], [system], [], [system, user, answer, system, user]]
    cases = []
    for template in (CHATML, HEADERS, TOOLS, TURNS, ALTERNATING):
        for messages in conversations:
            if not messages and template in (CHATML, TOOLS, TURNS):
                continue  # messages[0].role of no messages is an error of Jinja's own
            cases += [chat_case(template, messages, prompt) for prompt in (False, True)]
    cases += [chat_case(template, [user], False) for template in EXPRESSIONS]
    json.dump(cases, open(os.path.join(GOLDEN, "templates.json"), "w"), ensure_ascii=False, separators=(",", ":"))

    template = json.load(open(os.path.join(MODELS, "smollm2", "tokenizer_config.json")))["chat_template"]
    real = [chat_case(template, messages, prompt) for messages in conversations if messages for prompt in (False, True)]
    for case in real:
        del case["template"]  # the test takes it from the model
    json.dump(real, open(os.path.join(GOLDEN, "smollm2-chats.json"), "w"), ensure_ascii=False, separators=(",", ":"))


def decompositions():
    """The table of Sources/Tokenizers/CanonicalDecompositions.swift: Python's, as far as the reference knows them."""
    import unicodedata
    from tokenizers import normalizers
    decomposed, composed = normalizers.NFD(), normalizers.NFC()
    entries = []
    for value in range(0x110000):
        parts = unicodedata.decomposition(chr(value)).split()
        if not parts or parts[0].startswith("<") or decomposed.normalize_str(chr(value)) == chr(value):
            continue
        excluded = len(parts) == 2 and composed.normalize_str(chr(value)) != chr(value)
        entries.append(f"{value:X}{'!' if excluded else '='}{'+'.join(f'{int(part, 16):X}' for part in parts)}")
    lines, current = [], " "
    for entry in entries:
        if len(current) + len(entry) + 1 > 115:
            lines.append(current)
            current = " "
        current += " " + entry
    path = os.path.join(ROOT, "Sources", "Tokenizers", "CanonicalDecompositions.swift")
    head = open(path).read().split('"""')[0]
    open(path, "w").write(head + '"""\n' + "\n".join(lines + [current]) + '\n  """\n')


if __name__ == "__main__":
    sys.path.pop(0)  # this folder must not hide packages
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("work", nargs="?", default="compare", choices=["compare", "golden", "decompositions"])
    parser.add_argument("--only", action="append", help="one tokenizer of those that are compared, by its name")
    parser.add_argument("--tool", help="TokenizersBenchmark, already built")
    arguments = parser.parse_args()
    environment()
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    if arguments.work == "compare":
        tool = arguments.tool
        if not tool:
            subprocess.run(["swift", "build", "-c", "release", "--product", "TokenizersBenchmark"], cwd=ROOT, check=True)
            tool = os.path.join(ROOT, ".build", "release", "TokenizersBenchmark")
        sys.exit(1 if compare(tool, arguments.only) else 0)
    else:
        {"golden": golden, "decompositions": decompositions}[arguments.work]()
