namespace OnnxStream.Interop.Language.Tokenizers.PreTokenizers;

/// <summary>Reads a <see cref="SplitBehavior"/>.</summary>
internal static class SplitBehaviors
{
    /// <summary>What the property <c>behavior</c> says.</summary>
    public static SplitBehavior Read(JsonSection section, string otherwise)
    {
        string name = section.Text("behavior") ?? otherwise;
        return Enum.TryParse(name, out SplitBehavior behavior) && Enum.IsDefined(behavior) ? behavior : throw section.Error($"the behavior '{name}' is not known");
    }
}
