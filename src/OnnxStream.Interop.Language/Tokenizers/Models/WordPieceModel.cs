using System.Text;
using Microsoft.ML.Tokenizers;

namespace OnnxStream.Interop.Language.Tokenizers.Models;

/// <summary>WordPiece, as BERT has it: the longest token that a word begins with, and so on. Microsoft.ML.Tokenizers does it.</summary>
internal sealed class WordPieceModel : TokenModel
{
    private readonly WordPieceTokenizer _words;

    private WordPieceModel(WordPieceTokenizer words) => _words = words;

    /// <summary>Reads the model.</summary>
    public static WordPieceModel Create(JsonSection section, Dictionary<string, int> vocabulary)
    {
        ReadVocabulary(section, vocabulary);
        string unknown = section.Text("unk_token") ?? "[UNK]";
        if (!vocabulary.ContainsKey(unknown))
        {
            throw section.Error($"the vocabulary lacks \"unk_token\", '{unknown}'");
        }

        // It wants a line for each id. What is between ids gets a name that no word has.
        string[] lines = new string[vocabulary.Values.Max() + 1];
        if (lines.Length > 2 * vocabulary.Count + 1000)
        {
            throw section.Error($"the ids go up to {lines.Length - 1:N0}, although there are {vocabulary.Count:N0} tokens");
        }

        foreach ((string token, int id) in vocabulary)
        {
            lines[id] = token;
        }

        for (int i = 0; i < lines.Length; i++)
        {
            lines[i] ??= $" {i}";
        }

        using MemoryStream stream = new(Encoding.UTF8.GetBytes(string.Join('\n', lines)));
        return new WordPieceModel(WordPieceTokenizer.Create(stream, new WordPieceOptions
        {
            UnknownToken = unknown,
            ContinuingSubwordPrefix = section.Text("continuing_subword_prefix") ?? "##",
            MaxInputCharsPerWord = section.Number("max_input_chars_per_word", 100),
        }));
    }

    /// <inheritdoc/>
    public override void Encode(string piece, List<int> ids) =>
        ids.AddRange(_words.EncodeToIds(piece, considerPreTokenization: false, considerNormalization: false));
}
