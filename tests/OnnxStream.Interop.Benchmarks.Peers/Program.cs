using System.CommandLine;
using OnnxStream.Interop.Benchmarks.Peers;

Argument<string> model = new("MODEL");
Option<int> threads = new("--threads") { DefaultValueFactory = _ => Environment.ProcessorCount };
Option<int> prompt = new("--prompt-tokens") { DefaultValueFactory = _ => 128 };
Option<int> tokens = new("--gen-tokens") { DefaultValueFactory = _ => 32 };
Option<int> repetitions = new("--repetitions") { DefaultValueFactory = _ => 3 };
RootCommand root = new("Measures another engine of language models as 'onnxstream bench-llm' measures this one.");
Command llama = new("llama.cpp", "A GGUF file with llama.cpp.");
Command genAi = new("onnxruntime-genai", "A folder of ONNX Runtime GenAI.");
foreach (Command command in (Command[])[llama, genAi])
{
    command.Add(model);
    foreach (Option option in (Option[])[threads, prompt, tokens, repetitions])
    {
        command.Add(option);
    }

    root.Add(command);
}

llama.SetAction(arguments => Measure(arguments, new LlamaCpp(arguments.GetRequiredValue(model), arguments.GetValue(threads), Context(arguments))));
genAi.SetAction(arguments => Measure(arguments, new OnnxRuntimeGenAi(arguments.GetRequiredValue(model), arguments.GetValue(threads), Context(arguments))));
return root.Parse(args).Invoke();

int Context(ParseResult arguments) => arguments.GetValue(prompt) + arguments.GetValue(tokens) + 8;

void Measure(ParseResult arguments, LanguageEngine engine)
{
    using (engine)
    {
        Console.WriteLine(LanguageMeasurement.Measure(engine, arguments.GetValue(prompt), arguments.GetValue(tokens), arguments.GetValue(repetitions)).ToJson());
    }
}
