namespace OnnxStream.Interop.Language.Models;

/// <summary>What a model folder says of its decoder: the file, the numbers that it was trained with, and what its inputs and outputs are called.</summary>
internal sealed record DecoderDescription
{
    /// <summary>The model's folder.</summary>
    public required string Folder { get; init; }

    /// <summary>The file of the decoder.</summary>
    public required string ModelPath { get; init; }

    /// <summary>The file that says all of this.</summary>
    public required string ConfigurationPath { get; init; }

    /// <summary>The family of the model, as in <c>llama</c>.</summary>
    public required string Architecture { get; init; }

    /// <summary>The most tokens that the model can attend to.</summary>
    public required int ContextLength { get; init; }

    /// <summary>The number of tokens that the model knows.</summary>
    public required int VocabularySize { get; init; }

    /// <summary>The number of layers, each with a cache; null where the folder does not say.</summary>
    public int? LayerCount { get; init; }

    /// <summary>The number of heads of keys and values; null where the folder does not say.</summary>
    public int? CacheHeads { get; init; }

    /// <summary>The numbers that a head has; null where the folder does not say.</summary>
    public int? HeadSize { get; init; }

    /// <summary>The token that a text begins with; null where there is none.</summary>
    public int? BeginToken { get; init; }

    /// <summary>The tokens that end an answer.</summary>
    public IReadOnlyList<int> EndTokens { get; init; } = [];

    /// <summary>How many tokens of a prompt are computed at once; null where the folder does not say.</summary>
    public int? ChunkLength { get; init; }

    /// <summary>How tokens are chosen unless the caller says otherwise.</summary>
    public GenerationOptions Generation { get; init; } = new();

    /// <summary>The input of tokens.</summary>
    public string InputIds { get; init; } = "input_ids";

    /// <summary>The input that says which positions are attended to.</summary>
    public string AttentionMask { get; init; } = "attention_mask";

    /// <summary>The input of positions.</summary>
    public string PositionIds { get; init; } = "position_ids";

    /// <summary>The optional input that says for which tokens of a run scores are made: models that have it make no others.</summary>
    public string LogitRows { get; init; } = "logit_rows";

    /// <summary>The output of logits.</summary>
    public string Logits { get; init; } = "logits";

    /// <summary>The inputs of keys, with <c>%d</c> for the layer.</summary>
    public string PastKeys { get; init; } = "past_key_values.%d.key";

    /// <summary>The inputs of values, with <c>%d</c> for the layer.</summary>
    public string PastValues { get; init; } = "past_key_values.%d.value";

    /// <summary>The outputs of keys, with <c>%d</c> for the layer.</summary>
    public string PresentKeys { get; init; } = "present.%d.key";

    /// <summary>The outputs of values, with <c>%d</c> for the layer.</summary>
    public string PresentValues { get; init; } = "present.%d.value";
}
