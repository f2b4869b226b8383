using OnnxStream.Interop.Server.Jobs;
using OnnxStream.Interop.Server.Models;

namespace OnnxStream.Interop.Server.Http;

/// <summary>A model as OpenAI's API lists it, and what is known of it besides.</summary>
internal sealed record ModelView(string Id, string Object, long Created, string OwnedBy, IReadOnlyList<JobKind> Kinds, ModelFacts Facts)
{
    public static ModelView Of(ModelStatus model) => new(model.Name, "model", model.Created.ToUnixTimeSeconds(), "onnxstream", model.Kinds, model.Facts);
}
