namespace OnnxStream.Interop.Language.Tokenizers.Models;

/// <summary>A token for each piece, whole.</summary>
internal sealed class WordLevelModel : TokenModel
{
    private readonly Dictionary<string, int> _vocabulary;
    private readonly int _unknown;

    private WordLevelModel(Dictionary<string, int> vocabulary, int unknown)
    {
        _vocabulary = vocabulary;
        _unknown = unknown;
    }

    /// <summary>Reads the model.</summary>
    public static WordLevelModel Create(JsonSection section, Dictionary<string, int> vocabulary)
    {
        ReadVocabulary(section, vocabulary);
        string unknown = section.Text("unk_token") ?? "<unk>";
        return new WordLevelModel(vocabulary, vocabulary.TryGetValue(unknown, out int id) ? id : throw section.Error($"the vocabulary lacks \"unk_token\", '{unknown}'"));
    }

    /// <inheritdoc/>
    public override void Encode(string piece, List<int> ids) => ids.Add(_vocabulary.GetValueOrDefault(piece, _unknown));
}
