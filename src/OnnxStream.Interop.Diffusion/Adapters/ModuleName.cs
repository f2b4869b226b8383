using OnnxStream.Interop.Pipelines;

namespace OnnxStream.Interop.Diffusion.Adapters;

/// <summary>Names of modules as exporters, trainers and OnnxStream's folders write them, made alike: parts joined by underscores.</summary>
internal static class ModuleName
{
    /// <summary>A name with dots, slashes or underscores.</summary>
    public static string Of(string name) => string.Join('_', name.Split(['.', '/', '_'], StringSplitOptions.RemoveEmptyEntries));

    /// <summary>The module that a node belongs to by its name (<c>/down_blocks.0/resnets.0/conv1/Conv</c>); null where the name does not say it.</summary>
    public static string? OfNode(string node)
    {
        string name = node.Contains('/', StringComparison.Ordinal) ? node : TensorNames.Unescape(node);
        return name.LastIndexOf('/') is > 0 and int end ? Of(name[..end]) : null;
    }

    /// <summary>The module that a weight belongs to by its name (<c>down_blocks.0.resnets.0.conv1.weight</c>); null where the name does not say it.</summary>
    public static string? OfWeight(string weight)
    {
        const string Suffix = ".weight";
        string name = weight.EndsWith(Suffix, StringComparison.Ordinal) ? weight : TensorNames.Unescape(weight);
        return name.EndsWith(Suffix, StringComparison.Ordinal) ? Of(name[..^Suffix.Length]) : null;
    }
}
