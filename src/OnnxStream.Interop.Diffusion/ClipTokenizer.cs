using System.Text;
using Microsoft.ML.Tokenizers;
using OnnxStream.Interop.Pipelines;

namespace OnnxStream.Interop.Diffusion;

/// <summary>The byte-pair tokenizer of CLIP: turns a prompt into the ids that a text encoder takes.</summary>
/// <remarks>
/// <para>
/// A text is normalised (NFC), lower-cased and split into words (<see cref="ClipPreTokenizer"/>); each word becomes the symbols of
/// its UTF-8 bytes, the last of them marked with <c>&lt;/w&gt;</c>, and neighbours are merged, the pair that stands first in the
/// list of merges first. The ids are put between those of the begin and the end token, cut to the context and padded.
/// </para>
/// <para>
/// The merging is that of <see cref="BpeTokenizer"/> of Microsoft.ML.Tokenizers. Configured for byte level and with the word
/// suffix, it agrees with a direct implementation of CLIP's rule on arbitrary text, emoji and all (this project's tests compare
/// the two). The splitting and lower-casing are ours: its own splitters use regular expressions over UTF-16 units, which take
/// letters outside of the basic plane for something else.
/// </para>
/// <para>
/// An application that sets <c>InvariantGlobalization</c> gets no NFC from .NET: there, letters with combining marks
/// (<c>e</c> followed by U+0301) should be given in their composed form.
/// </para>
/// </remarks>
public sealed class ClipTokenizer
{
    private const string WordSuffix = "</w>";
    private const string LatinCapitalIWithDot = "\u0130";

    private readonly BpeTokenizer _bytePairs;
    private readonly TokenizerConfiguration _configuration;

    // Words that are ids of their own wherever they stand, with the ids that stand for them.
    private readonly List<(string Word, int[] Ids)> _words = [];

    /// <summary>Reads the vocabulary and the merges.</summary>
    /// <param name="configuration">Where they lie.</param>
    /// <param name="words">Words that get ids behind those of the vocabulary, as many as they have vectors; null for none.</param>
    /// <exception cref="ModelFormatException">A file is not what it should be, or the two do not belong together.</exception>
    /// <exception cref="IOException">A file cannot be read.</exception>
    public ClipTokenizer(TokenizerConfiguration configuration, IReadOnlyList<TextualInversion>? words = null)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        ArgumentOutOfRangeException.ThrowIfLessThan(configuration.ContextLength, 2, nameof(configuration));
        _configuration = configuration;

        PipelineFiles files = new(configuration.Files);
        Dictionary<string, int> vocabulary = ReadVocabulary(configuration.VocabularyPath, files);
        VerifyByteSymbols(vocabulary, configuration.VocabularyPath);
        List<string> merges = ReadMerges(configuration.MergesPath, vocabulary, files);
        BeginId = Id(configuration.BeginToken, configuration.BeginId);
        EndId = Id(configuration.EndToken, configuration.EndId);
        PadId = Id(configuration.PadToken, configuration.PadId);
        VocabularySize = vocabulary.Count;
        int next = VocabularySize;
        foreach (TextualInversion word in words ?? [])
        {
            if (_words.Any(other => other.Word.Equals(word.Token, StringComparison.OrdinalIgnoreCase)))
            {
                throw new ModelFormatException(word.Path, $"the word \"{word.Token}\" is taught twice.");
            }

            _words.Add((word.Token, [.. Enumerable.Range(next, word.VectorCount)]));
            next += word.VectorCount;
        }

        _bytePairs = BpeTokenizer.Create(new BpeOptions(vocabulary)
        {
            Merges = merges,
            ByteLevel = true,
            EndOfWordSuffix = WordSuffix,
            PreTokenizer = new ClipPreTokenizer(),
        });

        int Id(string token, int? given)
        {
            if (given is not { } id)
            {
                return vocabulary.TryGetValue(token, out int found) ? found : throw new ModelFormatException(
                    configuration.VocabularyPath, $"the token \"{token}\" is missing.");
            }

            return vocabulary.ContainsValue(id) ? id : throw new ModelFormatException(
                configuration.VocabularyPath, $"no token has the id {id}, which is given for \"{token}\".");
        }
    }

    /// <summary>The number of ids that an encoded text has.</summary>
    public int ContextLength => _configuration.ContextLength;

    /// <summary>The number of tokens in the vocabulary.</summary>
    public int VocabularySize { get; }

    /// <summary>The id that every text begins with.</summary>
    public int BeginId { get; }

    /// <summary>The id that every text ends with.</summary>
    public int EndId { get; }

    /// <summary>The id that fills what is left of the context.</summary>
    public int PadId { get; }

    /// <summary>The ids of a text: begin, the text's own, end, padding up to <see cref="ContextLength"/>.</summary>
    /// <param name="text">The text; tokens that do not fit are left out.</param>
    public long[] Encode(string text) => Encode(text, out _);

    /// <summary>The ids of a text, and how many of its tokens did not fit into the context.</summary>
    /// <param name="text">The text.</param>
    /// <param name="droppedTokenCount">The number of tokens at the text's end that were left out.</param>
    public long[] Encode(string text, out int droppedTokenCount)
    {
        IReadOnlyList<int> tokens = Tokenize(text);
        int kept = Math.Min(tokens.Count, ContextLength - 2);
        droppedTokenCount = tokens.Count - kept;

        long[] ids = new long[ContextLength];
        ids.AsSpan().Fill(PadId);
        ids[0] = BeginId;
        for (int i = 0; i < kept; i++)
        {
            ids[i + 1] = tokens[i];
        }

        ids[kept + 1] = EndId;
        return ids;
    }

    /// <summary>The ids of a text's own tokens, all of them, without begin, end and padding.</summary>
    /// <param name="text">The text; the begin and the end token may occur in it literally.</param>
    public IReadOnlyList<int> Tokenize(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        List<int> ids = [];
        while (text.Length > 0)
        {
            (int index, string token, int[] special) = FirstSpecialToken(text);
            ids.AddRange(_bytePairs.EncodeToIds(Normalize(text[..index]), considerPreTokenization: true, considerNormalization: false));
            if (index == text.Length)
            {
                break;
            }

            ids.AddRange(special);
            text = text[(index + token.Length)..];
        }

        return ids;
    }

    // The one that stands first; of several there, the longest.
    private (int Index, string Token, int[] Ids) FirstSpecialToken(string text)
    {
        (int Index, string Token, int[] Ids) first = (text.Length, "", []);
        Consider(text.IndexOf(_configuration.BeginToken, StringComparison.Ordinal), _configuration.BeginToken, [BeginId]);
        Consider(text.IndexOf(_configuration.EndToken, StringComparison.Ordinal), _configuration.EndToken, [EndId]);
        foreach ((string word, int[] ids) in _words)
        {
            Consider(IndexOfWord(text, word), word, ids);
        }

        return first;

        void Consider(int index, string token, int[] ids)
        {
            if (index >= 0 && (index < first.Index || (index == first.Index && token.Length > first.Token.Length)))
            {
                first = (index, token, ids);
            }
        }
    }

    // A word, and not a part of one.
    private static int IndexOfWord(string text, string word)
    {
        for (int index = 0; (index = text.IndexOf(word, index, StringComparison.OrdinalIgnoreCase)) >= 0; index++)
        {
            int end = index + word.Length;
            bool begins = index == 0 || !char.IsLetterOrDigit(word[0]) || !char.IsLetterOrDigit(text[index - 1]);
            if (begins && (end == text.Length || !char.IsLetterOrDigit(word[^1]) || !char.IsLetterOrDigit(text[end])))
            {
                return index;
            }
        }

        return -1;
    }

    private string Normalize(string text)
    {
        // Unpaired surrogates, which Normalize refuses, become U+FFFD first.
        StringBuilder builder = new(text.Length);
        foreach (Rune rune in text.EnumerateRunes())
        {
            _ = builder.Append(rune.ToString());
        }

        string composed = builder.ToString().Normalize(NormalizationForm.FormC);
        if (!_configuration.LowerCase)
        {
            return composed;
        }

        _ = builder.Clear();
        foreach (Rune rune in composed.EnumerateRunes())
        {
            // The only letter whose lower case is two code points, which the runtime's one-to-one mapping leaves alone.
            _ = builder.Append(rune.Value == LatinCapitalIWithDot[0] ? "i\u0307" : Rune.ToLowerInvariant(rune).ToString());
        }

        return builder.ToString();
    }

    private static Dictionary<string, int> ReadVocabulary(string path, PipelineFiles files)
    {
        Dictionary<string, int> vocabulary = new(StringComparer.Ordinal);
        if (Path.GetExtension(path).Equals(".json", StringComparison.OrdinalIgnoreCase))
        {
            TokenizerFile? whole = IsTokenizerFile(path) ? TokenizerFile.Read(path, files) : null;
            foreach (System.Text.Json.JsonProperty property in whole?.Vocabulary ?? JsonFile.Read(path, files).Properties)
            {
                vocabulary[property.Name] = property.Value.ValueKind == System.Text.Json.JsonValueKind.Number && property.Value.TryGetInt32(out int id) && id >= 0
                    ? id
                    : throw new ModelFormatException(path, $"the id of \"{property.Name}\" should be a whole number, found {property.Value.GetRawText()}.");
            }

            foreach ((string token, int id) in whole?.AddedTokens() ?? [])
            {
                vocabulary[token] = id;
            }

            if (vocabulary.GroupBy(token => token.Value).FirstOrDefault(group => group.Skip(1).Any()) is { } group)
            {
                throw new ModelFormatException(path, $"the tokens {string.Join(" and ", group.Take(2).Select(token => $"\"{token.Key}\""))} have the same id, {group.Key}.");
            }
        }
        else
        {
            int id = 0;
            foreach (string line in files.ReadLines(path))
            {
                _ = vocabulary.TryAdd(line, id++);
            }
        }

        return vocabulary;
    }

    private static bool IsTokenizerFile(string path) => Path.GetFileName(path).Equals(TokenizerFile.Name, StringComparison.OrdinalIgnoreCase);

    private static List<string> ReadMerges(string path, Dictionary<string, int> vocabulary, PipelineFiles files)
    {
        List<string> merges = [];
        HashSet<string> seen = new(StringComparer.Ordinal);
        int number = 0;
        bool isWhole = IsTokenizerFile(path);
        string unit = isWhole ? "merge" : "line";
        foreach (string line in isWhole ? TokenizerFile.Read(path, files).Merges() : files.ReadLines(path))
        {
            number++;
            if (line.Length == 0 || (number == 1 && line.StartsWith("#version", StringComparison.Ordinal)))
            {
                continue;
            }

            string[] pair = line.Split(' ');
            if (pair.Length != 2 || pair[0].Length == 0 || pair[1].Length == 0)
            {
                throw new ModelFormatException(path, $"{unit} {number}: expected two symbols with a space between them, found \"{line}\".");
            }

            foreach (string symbol in (ReadOnlySpan<string>)[pair[0], pair[1], pair[0] + pair[1]])
            {
                if (!vocabulary.ContainsKey(symbol))
                {
                    throw new ModelFormatException(path, $"{unit} {number}: \"{symbol}\" is not in the vocabulary; the two files do not belong together.");
                }
            }

            if (!seen.Add(line))
            {
                throw new ModelFormatException(path, $"{unit} {number}: the merge of \"{line}\" stands there a second time.");
            }

            merges.Add(line);
        }

        return merges;
    }

    /// <summary>Without the symbol of each byte, alone and at a word's end, some text would silently lose characters.</summary>
    private static void VerifyByteSymbols(Dictionary<string, int> vocabulary, string path)
    {
        for (int value = 0; value < 256; value++)
        {
            string symbol = ByteSymbol((byte)value).ToString();
            foreach (string token in (ReadOnlySpan<string>)[symbol, symbol + WordSuffix])
            {
                if (!vocabulary.ContainsKey(token))
                {
                    throw new ModelFormatException(path, $"the symbol \"{token}\" of the byte {value} is missing; this is not the vocabulary of a byte-level tokenizer with the suffix {WordSuffix}.");
                }
            }
        }
    }

    /// <summary>The printable character that stands for a byte: itself in Latin-1, or one from U+0100 on, counted in order.</summary>
    internal static char ByteSymbol(byte value) => value switch
    {
        <= 32 => (char)(256 + value),
        < 127 => (char)value,
        <= 160 => (char)(256 + 33 + value - 127),
        173 => (char)(256 + 67),
        _ => (char)value,
    };
}
