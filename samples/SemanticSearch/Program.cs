// Finds the sentences of a text that are nearest in meaning to a question.
//
//   dotnet run --project samples/SemanticSearch -- all-MiniLM-L6-v2 README.md "how much memory does it take?"
//
// The first argument is a folder with model.onnx and vocab.txt or tokenizer.json, as Hugging Face has them.
using OnnxStream.Interop.Embeddings;

if (args is not [var model, var file, var question])
{
    Console.Error.WriteLine("usage: SemanticSearch MODEL-FOLDER TEXT-FILE QUESTION");
    return 2;
}

using TextEmbedder embedder = new(model);
TextIndex index = new();
EmbeddedTexts cost = index.Add(embedder, TextPassage.Split(file, File.ReadAllText(file)));
Console.WriteLine($"{index.Passages.Count} passages, {cost.TokenCount} tokens, {embedder.PeakNativeBytes >> 20} MiB of native memory");
foreach (TextMatch match in index.Search(embedder.EmbedQuery(question), 3))
{
    Console.WriteLine($"{match.Score:0.00}  line {match.Passage.Line}: {match.Passage.Text}");
}

return 0;
