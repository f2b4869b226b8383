// Writes NAME.json for each tokenizer: the tokens that Hugging Face's own library (Rust, through the package Tokenizers.DotNet) makes of each text of
// texts.json, and the text that it makes of them.
//   dotnet run make_tokens.cs -- NAME=FOLDER/tokenizer.json ...
#:package Tokenizers.DotNet@1.4.1
#:package Tokenizers.DotNet.runtime.linux-x64@1.4.1
#:property PublishAot=false
using System.Text.Json.Nodes;
using Tokenizers.DotNet;

string folder = Directory.GetCurrentDirectory();
string[] texts = [.. JsonNode.Parse(File.ReadAllText(Path.Combine(folder, "texts.json")))!.AsArray().Select(text => text!.GetValue<string>())];
foreach (string argument in args)
{
    string[] parts = argument.Split('=', 2);
    Tokenizer tokenizer = new(parts[1]);
    JsonArray rows = [];
    foreach (string text in texts)
    {
        uint[] ids = text.Length == 0 ? [] : tokenizer.Encode(text);
        rows.Add((JsonNode)new JsonObject { ["ids"] = new JsonArray([.. ids.Select(id => (JsonNode)(long)id)]), ["text"] = ids.Length == 0 ? "" : tokenizer.Decode(ids) });
    }

    File.WriteAllText(Path.Combine(folder, $"{parts[0]}.json"), rows.ToJsonString());
    Console.WriteLine($"{parts[0]}: {rows.Count}");
}
