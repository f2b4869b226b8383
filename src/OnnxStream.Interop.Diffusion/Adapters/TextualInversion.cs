using OnnxStream.Interop.Pipelines;

namespace OnnxStream.Interop.Diffusion;

/// <summary>A word that a text encoder was taught: vectors that stand for it (Gal et al. 2022, https://arxiv.org/abs/2208.01618).</summary>
public sealed class TextualInversion
{
    // More than a prompt has room for.
    private const int MostVectors = 1000;

    private readonly SafetensorsFile _file;
    private readonly SafetensorsTensor _first;
    private readonly SafetensorsTensor? _second;

    private TextualInversion(SafetensorsFile file, string token, SafetensorsTensor first, SafetensorsTensor? second)
    {
        _file = file;
        Token = token;
        _first = first;
        _second = second;
    }

    /// <summary>The file.</summary>
    public string Path => _file.Source.Id;

    /// <summary>The word in prompts.</summary>
    public string Token { get; }

    /// <summary>How many ids stand for the word.</summary>
    public int VectorCount => Rows(_first);

    /// <summary>Changes with the file.</summary>
    internal string Version => _file.Source.Version;

    /// <summary>Reads a <c>.safetensors</c> file: <c>emb_params</c>, as web interfaces write it, <c>clip_l</c> and <c>clip_g</c> for the two encoders of SDXL, or one tensor under the word itself.</summary>
    /// <param name="path">The file.</param>
    /// <param name="token">The word in prompts; null for the name of the file, or of the tensor where that is the word.</param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="ModelFormatException">It is damaged, or no such file.</exception>
    /// <exception cref="WeightsException">It cannot be read.</exception>
    public static TextualInversion Open(string path, string? token = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        SafetensorsFile file = SafetensorsFile.Open(path);
        string name = System.IO.Path.GetFileNameWithoutExtension(path);
        SafetensorsTensor first;
        SafetensorsTensor? second = null;
        if (file.Tensors.TryGetValue("clip_l", out SafetensorsTensor? one) && file.Tensors.TryGetValue("clip_g", out second))
        {
            first = one;
        }
        else if (file.Tensors.TryGetValue("emb_params", out SafetensorsTensor? parameters))
        {
            first = parameters;
        }
        else if (file.Tensors.Count == 1)
        {
            first = file.Tensors.Values.Single();
            name = first.Name;
        }
        else
        {
            throw new ModelFormatException(file.Source.Id, $"this is no textual inversion: expected a tensor emb_params, clip_l and clip_g, or one under the word itself; found {string.Join(", ", file.Tensors.Keys.Take(5))}.");
        }

        token ??= name;
        foreach (SafetensorsTensor tensor in second is null ? [first] : (SafetensorsTensor[])[first, second])
        {
            if (tensor.Shape.Rank is not (1 or 2) || tensor.Shape.ElementCount == 0 || Rows(tensor) > MostVectors || tensor.ElementType is not (ElementType.Float32 or ElementType.Float16 or ElementType.BFloat16))
            {
                throw new ModelFormatException(file.Source.Id, $"the tensor '{tensor.Name}' is {tensor.TypeName} {tensor.Shape}; expected [vectors, width] of F32, F16 or BF16, with at most {MostVectors:N0} vectors.");
            }
        }

        if (second is not null && Rows(first) != Rows(second))
        {
            throw new ModelFormatException(file.Source.Id, $"clip_l has {Rows(first)} vectors and clip_g has {Rows(second)}; expected as many.");
        }

        return string.IsNullOrWhiteSpace(token) ? throw new ArgumentException("The word of a textual inversion has no letters.", nameof(token)) : new TextualInversion(file, token, first, second);
    }

    /// <summary>The vectors for a text encoder, one behind the other.</summary>
    /// <param name="isSecond">Whether it is the second one.</param>
    /// <param name="width">The width of its embeddings.</param>
    /// <exception cref="ModelFormatException">They are for another one.</exception>
    internal float[] Read(bool isSecond, int width)
    {
        SafetensorsTensor tensor = isSecond ? _second ?? throw new ModelFormatException(Path, "the textual inversion is for one text encoder ('clip_g' is missing), and the model has two.") : _first;
        return tensor.Shape[^1] == width ? _file.ReadSingles(tensor) : throw new ModelFormatException(Path, $"the vectors of '{tensor.Name}' have {tensor.Shape[^1]} numbers, and the embeddings of the text encoder {width}: it was made for another model.");
    }

    private static int Rows(SafetensorsTensor tensor) => tensor.Shape.Rank == 1 ? 1 : (int)Math.Min(int.MaxValue, tensor.Shape[0]);
}
