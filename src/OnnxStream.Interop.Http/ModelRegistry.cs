using System.Text.Json;
using System.Text.Json.Serialization;

namespace OnnxStream.Interop;

/// <summary>Published models by short names. They are data: <c>Resources/models.json</c> of this project.</summary>
/// <remarks>No hashes are in it: what comes is checked with those that the hub states for the revision.</remarks>
public static partial class ModelRegistry
{
    private static readonly Lazy<IReadOnlyList<RegisteredModel>> s_all = new(Read);

    /// <summary>All of them, by name.</summary>
    public static IReadOnlyList<RegisteredModel> All => s_all.Value;

    /// <summary>Finds a model, upper and lower case alike; null if there is none of that name.</summary>
    public static RegisteredModel? Find(string name) => All.FirstOrDefault(model => string.Equals(model.Name, name, StringComparison.OrdinalIgnoreCase));

    private static IReadOnlyList<RegisteredModel> Read()
    {
        using Stream stream = typeof(ModelRegistry).Assembly.GetManifestResourceStream("models.json")!;
        return [.. JsonSerializer.Deserialize(stream, RegistryJson.Default.RegisteredModelArray)!.OrderBy(model => model.Name, StringComparer.Ordinal)];
    }

    [JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, RespectNullableAnnotations = true, RespectRequiredConstructorParameters = true, UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow)]
    [JsonSerializable(typeof(RegisteredModel[]))]
    private sealed partial class RegistryJson : JsonSerializerContext;
}
