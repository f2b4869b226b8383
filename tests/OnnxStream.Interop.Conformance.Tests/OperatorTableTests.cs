using System.Text;
using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Onnx;
using OnnxStream.Interop.Operators;

namespace OnnxStream.Interop.Conformance.Tests;

/// <summary>docs/operators.md says what the registry of operators and the test cases of the ONNX project say.</summary>
public sealed class OperatorTableTests
{
    /// <summary>Set to 1, this environment variable lets the test write the file instead of comparing it.</summary>
    private const string UpdateVariable = "ONNXSTREAM_UPDATE_DOCS";

    [Test]
    public void IsCurrent()
    {
        if (ConformanceSuite.Folder is null)
        {
            Assert.Ignore(ConformanceSuite.Absent);
        }

        string path = Path.Combine(RepositoryRoot(), "docs", "operators.md");
        string table = Write();
        if (Environment.GetEnvironmentVariable(UpdateVariable) == "1")
        {
            File.WriteAllText(path, table);
        }

        Assert.That(File.Exists(path) ? File.ReadAllText(path) : "", Is.EqualTo(table), $"docs/operators.md is not current: run this test with {UpdateVariable}=1 to write it");
    }

    private static string Write()
    {
        Dictionary<(string Domain, string OperatorType), Row> rows = OperatorRegistry.All.Where(name => name.Domain != OperatorRegistry.InternalDomain).ToDictionary(name => name, _ => new Row());
        int passed = 0;
        List<string> cases = [.. ConformanceSuite.Cases.Except(CaseList.LeftOut.Keys)];
        foreach (string name in cases)
        {
            RunTrace trace = new();
            if (!Passes(name, trace))
            {
                continue;
            }

            passed++;
            using FileStream file = File.OpenRead(ConformanceSuite.Model(name));
            ModelProto model = ModelProto.Parser.ParseFrom(file);
            Dictionary<string, int> types = model.Graph.Input.ToDictionary(input => input.Name, input => input.Type?.TensorType?.ElemType ?? 0);
            foreach (IGrouping<(string, string), NodeProto> nodes in Nodes(model.Graph).GroupBy(node => (node.Domain == "ai.onnx" ? "" : node.Domain, node.OpType)))
            {
                Row row = rows[nodes.Key];
                row.Cases++;
                row.OperatorSets.Add(model.OpsetImport.First(set => (set.Domain == "ai.onnx" ? "" : set.Domain) == nodes.Key.Item1).Version);
                row.Kernels.UnionWith(trace.Steps.Where(step => step.OperatorType == nodes.Key.Item2).Select(step => KernelName(step.KernelName)));
                row.Types.UnionWith(nodes.SelectMany(node => node.Input.Take(1)).Select(input => (ElementType)types.GetValueOrDefault(input)).Where(type => type != ElementType.Undefined).Select(type => type.ToOnnxName()));
            }
        }

        StringBuilder text = new();
        text.Append("# Operators\n\n");
        text.Append("Made from the list of operators (`Operators/OperatorRegistry.cs`) and the test cases of the ONNX project (Debian's\n`libonnx-testdata` 1.12.0) by the test `OperatorTableTests`, which fails where this page is not current. Do not edit.\n\n");
        text.Append($"{rows.Count} operators of operator sets {OperatorRegistry.OldestOperatorSet} to {OperatorRegistry.NewestOperatorSet}. Of {ConformanceSuite.Cases.Count} cases {passed} pass, {cases.Count - passed} fail, and {CaseList.LeftOut.Count} are left out:\n\n");
        foreach (IGrouping<string, KeyValuePair<string, string>> reason in CaseList.LeftOut.GroupBy(pair => pair.Value).OrderBy(group => group.Key, StringComparer.Ordinal))
        {
            text.Append($"* {reason.Count()} for {reason.Key}\n");
        }

        text.Append($"\nOf those that pass, {CaseList.Contradicted.Count} have outputs that contradict the specification; they are compared with ONNX Runtime instead. {CaseList.Random.Count} have random outputs, of which only\nwhat must hold for them is checked. All three lists stand in `tests/OnnxStream.Interop.Conformance.Tests`, with the reason for each case.\n\n");
        text.Append("Operator sets, types (of the first input, where it is one of the model) and kernels are those seen in the cases that pass; an operator without cases is compared with ONNX\nRuntime or with its formula in `tests/OnnxStream.Interop.Tests/Operators`, and most others are, too, over more types, shapes and versions.\n\n");
        text.Append("| operator | cases passed | operator sets seen | types seen | kernels seen |\n|---|---|---|---|---|\n");
        foreach (((string domain, string operatorType), Row row) in rows.OrderBy(pair => pair.Key.Domain, StringComparer.Ordinal).ThenBy(pair => pair.Key.OperatorType, StringComparer.Ordinal))
        {
            string made = OperatorRegistry.Get(new Node(operatorType, domain, OperatorRegistry.NewestOperatorSet, "", [], [], new Attributes())) switch
            {
                FunctionOperator => "made of other operators",
                ControlFlow => "runs the graphs in its attributes",
                _ => string.Join(", ", row.Kernels),
            };
            string sets = row.OperatorSets.Count == 0 ? "" : row.OperatorSets.Min == row.OperatorSets.Max ? $"{row.OperatorSets.Min}" : $"{row.OperatorSets.Min} to {row.OperatorSets.Max}";
            text.Append($"| {(domain.Length > 0 ? domain + "." : "")}{operatorType} | {row.Cases} | {sets} | {string.Join(", ", row.Types)} | {made} |\n");
        }

        return text.ToString();
    }

    // Managed loops over elements are named for the type that computes one element, which says no more than the operator.
    private static string KernelName(string name) => name.Contains('`', StringComparison.Ordinal) || name.EndsWith("Function", StringComparison.Ordinal) ? "managed loop" : name;

    // A failure is not this test's business: the case is a test of its own.
    private static bool Passes(string name, RunTrace trace)
    {
        try
        {
            using (new NUnit.Framework.Internal.TestExecutionContext.IsolatedContext())
            {
                ConformanceTests.Check(name, new SessionOptions { ThreadCount = 1, RewriteGraph = false }, trace);
            }

            return true;
        }
        catch (Exception exception) when (exception is OnnxStreamException or AssertionException)
        {
            return false;
        }
    }

    private static IEnumerable<NodeProto> Nodes(GraphProto graph) =>
        graph.Node.SelectMany(node => node.Attribute.Select(attribute => attribute.G).OfType<GraphProto>().SelectMany(Nodes).Prepend(node));

    private static string RepositoryRoot()
    {
        for (DirectoryInfo? folder = new(TestContext.CurrentContext.TestDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "OnnxStream.Interop.sln")))
            {
                return folder.FullName;
            }
        }

        throw new DirectoryNotFoundException($"No folder above '{TestContext.CurrentContext.TestDirectory}' has OnnxStream.Interop.sln.");
    }

    private sealed class Row
    {
        public int Cases { get; set; }

        public SortedSet<long> OperatorSets { get; } = [];

        public SortedSet<string> Types { get; } = new(StringComparer.Ordinal);

        public SortedSet<string> Kernels { get; } = new(StringComparer.Ordinal);
    }
}
