namespace OnnxStream.Interop.Language.Tokenizers.Models;

/// <summary>Makes tokens of a piece of text.</summary>
internal abstract class TokenModel
{
    /// <summary>Adds the tokens of a piece that is not empty.</summary>
    public abstract void Encode(string piece, List<int> ids);

    /// <summary>Reads the model of <c>tokenizer.json</c>.</summary>
    /// <param name="section">The model.</param>
    /// <param name="vocabulary">Receives its tokens with their ids.</param>
    /// <exception cref="ModelFormatException">It is not supported, or not what it should be.</exception>
    public static TokenModel Read(JsonSection section, Dictionary<string, int> vocabulary)
    {
        // Files before 2020 do not name the kind.
        string type = section.Text("type") ?? (section.Find("merges") is not null ? "BPE" : "WordPiece");
        return type switch
        {
            "BPE" => BytePairModel.Create(section, vocabulary),
            "Unigram" => UnigramModel.Create(section, vocabulary),
            "WordPiece" => WordPieceModel.Create(section, vocabulary),
            "WordLevel" => WordLevelModel.Create(section, vocabulary),
            _ => throw section.Error($"the model '{type}' is not supported"),
        };
    }

    /// <summary>Reads a vocabulary that is an object of tokens and ids.</summary>
    protected static void ReadVocabulary(JsonSection section, Dictionary<string, int> vocabulary)
    {
        if (section.Find("vocab") is not { ValueKind: System.Text.Json.JsonValueKind.Object } values)
        {
            throw section.Error("\"vocab\" should be an object of tokens and their ids");
        }

        foreach (System.Text.Json.JsonProperty property in values.EnumerateObject())
        {
            vocabulary[property.Name] = property.Value.TryGetInt32(out int id) && id >= 0 ? id : throw section.Error($"the id of '{property.Name}' is not a whole number");
        }
    }
}
