namespace OnnxStream.Interop.Gguf;

/// <summary>The numbers of a decoder, from the metadata of its file.</summary>
internal sealed class DecoderSizes
{
    private const int MostLayers = 1000;
    private const int MostNumbers = 1 << 20;

    private readonly GgufFile _file;
    private readonly DecoderFamily _family;

    /// <summary>Reads them.</summary>
    /// <exception cref="ModelFormatException">One is missing or impossible.</exception>
    public DecoderSizes(GgufFile file, DecoderFamily family)
    {
        _file = file;
        _family = family;
        Layers = Required("block_count", MostLayers);
        Hidden = Required("embedding_length", MostNumbers);
        Intermediate = Required("feed_forward_length", MostNumbers);
        Context = Required("context_length", int.MaxValue);
        Heads = Required("attention.head_count", MostNumbers);
        KeyHeads = Optional("attention.head_count_kv", MostNumbers) ?? Heads;
        HeadSize = Optional("attention.key_length", MostNumbers) ?? Hidden / Heads;
        ValueSize = Optional("attention.value_length", MostNumbers) ?? HeadSize;
        Turned = Optional("rope.dimension_count", MostNumbers) ?? HeadSize;
        Epsilon = (float)(Number("attention.layer_norm_rms_epsilon") ?? throw Missing("attention.layer_norm_rms_epsilon"));
        Window = Optional("attention.sliding_window", int.MaxValue) is { } window && window < Context ? window : 0;
        FullLayerEvery = Optional("attention.sliding_window_pattern", MostLayers) ?? family.FullLayerEvery;
        if (Heads % KeyHeads != 0 || HeadSize < 2 || Turned > HeadSize || Turned % 2 != 0)
        {
            throw file.Error($"{Heads} heads of queries and {KeyHeads} of keys with {HeadSize} numbers, of which {Turned} are turned, are no model: heads of keys must divide those of queries, and pairs are turned.");
        }
    }

    /// <summary>The layers.</summary>
    public int Layers { get; }

    /// <summary>The numbers of an embedding.</summary>
    public int Hidden { get; }

    /// <summary>The numbers between the products of a feed-forward part.</summary>
    public int Intermediate { get; }

    /// <summary>The most positions.</summary>
    public int Context { get; }

    /// <summary>The heads of queries.</summary>
    public int Heads { get; }

    /// <summary>The heads of keys and values.</summary>
    public int KeyHeads { get; }

    /// <summary>The numbers of a head of queries and keys.</summary>
    public int HeadSize { get; }

    /// <summary>The numbers of a head of values.</summary>
    public int ValueSize { get; }

    /// <summary>How many numbers of a head are turned.</summary>
    public int Turned { get; }

    /// <summary>What is added to the mean square in normalizations.</summary>
    public float Epsilon { get; }

    /// <summary>How many positions a layer with a sliding window sees, its own included; 0 where no layer has one.</summary>
    public int Window { get; }

    /// <summary>Of so many layers, the last sees all positions; 0 where all layers are alike.</summary>
    public int FullLayerEvery { get; }

    /// <summary>What products of queries and keys are multiplied with.</summary>
    public float Scale => (float)(Number("attention.scale") ?? 1 / Math.Sqrt(_family.LayersWithoutHeadScale == Layers ? (double)Hidden / Heads : HeadSize));

    /// <summary>What products of queries and keys are limited to; 0 for no limit.</summary>
    public float AttentionLimit => (float)(Number("attn_logit_softcapping") ?? 0);

    /// <summary>What scores are limited to; 0 for no limit.</summary>
    public float ScoreLimit => (float)(Number("final_logit_softcapping") ?? 0);

    /// <summary>Whether a layer sees the positions of the window only.</summary>
    /// <param name="layer">The layer.</param>
    public bool IsNear(int layer) => Window > 0 && (FullLayerEvery == 0 || layer % FullLayerEvery < FullLayerEvery - 1);

    /// <summary>A number of the family; null where the file does not have it.</summary>
    /// <param name="key">Its name, without that of the family.</param>
    public double? Number(string key) => _file.FindNumber($"{_family.Name}.{key}") switch
    {
        null => null,
        var number when double.IsFinite(number.Value) => number,
        var number => throw _file.Error($"'{_family.Name}.{key}' is {number}."),
    };

    /// <summary>A text of the family; null where the file does not have it.</summary>
    /// <param name="key">Its name, without that of the family.</param>
    public string? Text(string key) => _file.FindText($"{_family.Name}.{key}");

    /// <summary>A positive whole number of the family; null where the file does not have it.</summary>
    /// <param name="key">Its name, without that of the family.</param>
    /// <param name="most">The largest that is possible.</param>
    public int? Optional(string key, int most)
    {
        string name = $"{_family.Name}.{key}";
        if (_file.IsList(name))
        {
            // One for each layer.
            return _file.FindIntegers(name) is { Count: > 0 } each && each.All(value => value == each[0]) && each[0] > 0 && each[0] <= most
                ? (int)each[0] : throw _file.Error($"'{name}' differs from layer to layer, which is not supported.");
        }

        return _file.FindInteger(name) switch
        {
            null or 0 => null,
            var value when value > 0 && value <= most => (int)value,
            var value => throw _file.Error($"'{name}' is {value}; 1 to {most:N0} is possible."),
        };
    }

    private int Required(string key, int most) => Optional(key, most) ?? throw Missing(key);

    private ModelFormatException Missing(string key) => _file.Error($"'{_family.Name}.{key}' is missing.");
}
