using OnnxStream.Interop.Language.Tokenizers;

namespace OnnxStream.Interop.Speech;

/// <summary>The tokens of Whisper's vocabulary that are no text. https://arxiv.org/abs/2212.04356, section 2.3</summary>
internal sealed class WhisperTokens
{
    /// <summary>Finds them.</summary>
    /// <exception cref="ModelFormatException">One is missing.</exception>
    public WhisperTokens(Tokenizer tokenizer, string path)
    {
        Start = Need("<|startoftranscript|>");
        End = Need("<|endoftext|>");
        Translate = tokenizer.FindId("<|translate|>");
        Transcribe = tokenizer.FindId("<|transcribe|>");
        Previous = Need("<|startofprev|>");
        NoSpeech = tokenizer.FindId("<|nospeech|>") ?? tokenizer.FindId("<|nocaptions|>");
        LanguageModel = tokenizer.FindId("<|startoflm|>");
        NoTimestamps = Need("<|notimestamps|>");

        // Files of some models have no tokens for times: their ids are there all the same.
        FirstTime = tokenizer.FindId("<|0.00|>") ?? NoTimestamps + 1;
        Languages = Enumerable.Range(Start + 1, Math.Max(0, (Translate ?? Start) - Start - 1))
            .Select(id => (Id: id, Text: tokenizer.FindToken(id)))
            .Where(token => token.Text is ['<', '|', .., '|', '>'])
            .ToDictionary(token => token.Text![2..^2], token => token.Id);

        int Need(string token) => tokenizer.FindId(token) ?? throw new ModelFormatException(path, $"the vocabulary has no token '{token}': this is no tokenizer of a Whisper model.");
    }

    /// <summary>Begins a text.</summary>
    public int Start { get; }

    /// <summary>Ends it; tokens below it are text.</summary>
    public int End { get; }

    /// <summary>Asks for a translation to English.</summary>
    public int? Translate { get; }

    /// <summary>Asks for what is said.</summary>
    public int? Transcribe { get; }

    /// <summary>Begins what was said before.</summary>
    public int Previous { get; }

    /// <summary>Says that nobody speaks.</summary>
    public int? NoSpeech { get; }

    /// <summary>Of no use outside of training.</summary>
    public int? LanguageModel { get; }

    /// <summary>Asks for a text without times.</summary>
    public int NoTimestamps { get; }

    /// <summary>The time 0; each token behind it is 20 ms later.</summary>
    public int FirstTime { get; }

    /// <summary>The languages with their tokens.</summary>
    public IReadOnlyDictionary<string, int> Languages { get; }
}
